"""The model server: promptable segmentation over HTTP, and everything that needs torch."""
