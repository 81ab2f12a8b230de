"""The model server: promptable segmentation over HTTP, and everything that needs torch."""

import os

# Read by OpenMP when torch is loaded. Its threads otherwise spin while they wait, which on a machine shared with the
# backend made one click in a hundred take 0.8 s instead of 0.04 s.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
