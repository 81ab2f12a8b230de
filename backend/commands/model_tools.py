"""What needs torch is another program's: this process becomes it, so that Ctrl-C and exit code are its own."""

import os
import sys
from typing import NoReturn

from backend.settings import Settings
from backend.supervisor.commands import child_environment, command_line

# -P: no module of the folder one stands in takes the place of a library.
MODEL_TOOLS = ("-P", "-m", "model_server.cli")


def hand_over(settings: Settings, arguments: list[str]) -> NoReturn:
    """Run `python -m model_server.cli` with these arguments and settings in this process's place."""
    sys.stdout.flush()
    sys.stderr.flush()
    line = command_line([*MODEL_TOOLS, *arguments])
    os.execve(line[0], line, child_environment(settings))
