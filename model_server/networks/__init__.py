"""Promptable networks: one network, one file, behind one small interface."""
