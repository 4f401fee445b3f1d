"""The Faust shell: decode, one call, acknowledge. No arithmetic here."""
