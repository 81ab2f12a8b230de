"""Commands that are handed to the model server's program, as people start them."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

from tests.backend.cli.test_cli import SEGLOOP, segloop_process
from tests.running import REPOSITORY


def test_models_work_on_the_data_folder(tmp_path: Path) -> None:
    """--data, anywhere on the line, reaches the other program."""
    stray = tmp_path / "data" / "models" / "stray" / "config.json"
    stray.parent.mkdir(parents=True)
    stray.write_text('{"model_type": "sam2"}')
    listed = segloop_process({}, "models", "list", "--json", "--data", str(tmp_path / "data"))
    assert listed.returncode == 0, listed.stderr
    assert "stray" in [model["name"] for model in json.loads(listed.stdout)["models"]]


def test_arguments_pass_unread_and_exit_codes_come_back() -> None:
    """An option of the same name, one that is unknown, and a wrong one."""
    result = segloop_process({}, "evaluate", "--data", "x", "-q", "--starts=point")
    assert (result.returncode, "usage: segloop evaluate" in result.stderr) == (2, True), result.stderr


def test_ctrl_c_reaches_a_pull_that_hangs(tmp_path: Path) -> None:
    """The process that people see is the one that works: its exit code says it was stopped."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = os.environ | {
            "SEGLOOP_DATA_DIR": str(tmp_path),
            "SEGLOOP_MODEL_HUB_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        # a shell that runs its tests in the background has its children ignore Ctrl-C
        code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        line = [*SEGLOOP[:2], code + f"import sys; sys.argv[1:] = ['models', 'pull', 'sam-vit-base']; {SEGLOOP[2]}"]
        process = subprocess.Popen(line, cwd=REPOSITORY, env=environment, stderr=subprocess.PIPE, text=True)
        silent.settimeout(300)
        connection, _ = silent.accept()
        with connection:
            connection.recv(1)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=120)
    assert (process.returncode, "Stopped." in said) == (130, True), said
    assert "Traceback" not in said
