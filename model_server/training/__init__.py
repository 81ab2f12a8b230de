"""Training of promptable networks: SAM's interactive rounds, from scratch or from a published model."""
