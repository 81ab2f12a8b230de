"""`python -m model_server.evaluation MODEL DATASET...`, the same as `segloop evaluate`."""

import sys

from model_server.evaluation.command import main

if __name__ == "__main__":
    sys.exit(main())
