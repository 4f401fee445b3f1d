"""Laws: properties that hold for every batch and every price, tried on generated ones."""
