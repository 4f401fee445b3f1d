"""Whatever a producer sends: every outcome is counted, nothing escapes, nothing takes long."""
