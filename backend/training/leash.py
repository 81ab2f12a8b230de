"""Becomes another program that is polite and does not outlive the worker: `leash.py PARENT_PID PROGRAM ARGUMENT...`

A process of its own, with nothing but the standard library: between fork and exec, a worker with threads may do little.
"""

import ctypes
import os
import signal
import sys

NICENESS = 10  # clicks come first
PR_SET_PDEATHSIG = 1  # prctl(2): a signal for the child when its parent has ended. It survives exec.


def main() -> None:
    """Take a lower priority, ask for a SIGTERM at the parent's end, become the program."""
    parent, line = int(sys.argv[1]), sys.argv[2:]
    os.nice(NICENESS)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == parent:  # else it has ended meanwhile
        os.execv(line[0], line)


if __name__ == "__main__":
    main()
