"""`segloop simulate`: an annotator who knows the true masks works through a project over the real API."""
