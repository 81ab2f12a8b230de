"""What other programs may import of the model server: no torch, no web framework."""
