"""`segloop up` for real: start, sign in, die, be killed, refuse. Each test has its own data folder and ports."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url

from backend.database import Database
from backend.supervisor.up import _stop_requests
from tests.conftest import POSTGRESQL_URL
from tests.running import REPOSITORY, answers, free_port, wait_until

# What the `segloop` script does, with a window for restarts in which any machine manages four.
SEGLOOP = """
from backend.cli import app
from backend.supervisor import processes
processes.RESTART_WINDOW_SECONDS = 3600.0
app()
"""
START_SECONDS = 300.0
STOP_SECONDS = 60.0
CHILDREN = ("backend.app:app", "model_server.app:app", "backend.worker")


@dataclass
class Installation:
    """One data folder and port, started and stopped as often as a test likes."""

    data_dir: Path
    page_dir: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        path = self.data_dir.with_suffix(".log")
        return path.read_text() if path.exists() else ""

    def start(self, *options: str) -> None:
        """Starts `segloop up`; does not wait."""
        ours = {
            "SEGLOOP_DATA_DIR": str(self.data_dir),
            "SEGLOOP_PAGE_DIR": str(self.page_dir),
            "SEGLOOP_PORT": str(self.port),
            "SEGLOOP_MODELS": "tiny",
        }
        with self.data_dir.with_suffix(".log").open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SEGLOOP, "up", *options],
                env=os.environ | ours | self.environment,
                cwd=REPOSITORY,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        self.wait_for_line("sign in as")

    def wait_for_line(self, text: str, *, count: int = 1) -> None:
        """Until the log holds `text` so often; fails with the log when the process ends before."""

        def is_there() -> bool:
            assert self.process is not None
            is_over = self.process.poll() is not None
            if self.log.count(text) >= count:
                return True
            assert not is_over, self.log
            return False

        wait_until(is_there, seconds=START_SECONDS, what=f"{text!r} in {self.data_dir.with_suffix('.log')}")

    def wait_for_end(self, seconds: float) -> int:
        assert self.process is not None
        return self.process.wait(seconds)

    def stop(self) -> None:
        """Ctrl-C, and all of it is gone."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(STOP_SECONDS) == 0, self.log
        assert not list(_processes_of(self.data_dir))

    def processes(self) -> dict[str, int]:
        """Pids of the children by what they run."""
        return {name: pid for pid, name in _processes_of(self.data_dir)}


def _processes_of(data_dir: Path) -> Iterator[tuple[int, str]]:
    """Every process that was given this data folder, whoever its parent is now."""
    marker = f"SEGLOOP_DATA_DIR={data_dir}".encode()
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and marker in (folder / "environ").read_bytes().split(b"\0"):
                arguments = (folder / "cmdline").read_bytes().decode().split("\0")
                yield int(folder.name), next((name for name in CHILDREN if name in arguments), "other")
        except OSError:
            continue


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Callable[..., Installation]]:
    """Makes installations; whatever still runs of them at the end is killed."""
    made: list[Installation] = []
    page_dir = tmp_path / "page"
    page_dir.mkdir()
    (page_dir / "index.html").write_text("<!doctype html><title>Segloop</title>")

    def make(**environment: str) -> Installation:
        made.append(Installation(tmp_path / f"data{len(made)}", page_dir, environment))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None and one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        wait_until(lambda one=one: not list(_processes_of(one.data_dir)), what="the end of all processes")


def _call(url: str, body: dict[str, Any] | None = None, cookie: str = "") -> tuple[int, Any, str]:
    """Status, JSON and cookie of the answer."""
    headers = {"Content-Type": "application/json", "Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
            return answer.status, json.load(answer), (answer.headers["Set-Cookie"] or "").split(";")[0]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), ""


def _sign_in_secret(log: str) -> str:
    secrets = re.findall(r"/sign-in\?link=([\w-]+)", log)
    assert len(secrets) == 1, log
    return str(secrets[0])


def test_first_start_makes_a_demo_and_a_link_for_once_and_the_second_keeps_all(
    installation: Callable[..., Installation],
) -> None:
    pytest.importorskip("skimage", reason="the demo's photos come with scikit-image")
    one = installation()
    one.start()
    one.wait_until_ready()
    assert answers(f"{one.url}/readyz")
    first_secret = _sign_in_secret(one.log)
    status, user, cookie = _call(f"{one.url}/api/auth/link", {"token": first_secret})
    assert (status, user["role"]) == (200, "admin")
    status, error, _ = _call(f"{one.url}/api/auth/link", {"token": first_secret})
    assert (status, error["error"]["code"]) == (401, "link_not_valid")

    _, projects, _ = _call(f"{one.url}/api/projects", cookie=cookie)
    (demo,) = projects["items"]
    assert (demo["name"], demo["image_count"]) == ("Demo", 6)
    assert "CC0" in demo["description"]
    _, jobs, _ = _call(f"{one.url}/api/projects/{demo['id']}/jobs", cookie=cookie)
    assert {(job["kind"], job["state"]) for job in jobs["items"]} == {("embed", "done")}
    _, tokens, _ = _call(f"{one.url}/api/tokens", cookie=cookie)
    assert tokens["items"] == []

    one.stop()
    one.start()
    one.wait_until_ready()
    assert _sign_in_secret(one.log) != first_secret
    _, projects, _ = _call(f"{one.url}/api/projects", cookie=cookie)
    assert [project["id"] for project in projects["items"]] == [demo["id"]]
    assert "migrated" not in one.log


def test_a_dead_child_is_named_and_started_again_but_not_for_ever(installation: Callable[..., Installation]) -> None:
    one = installation()
    one.start("--no-demo")
    one.wait_until_ready()
    for count in (1, 2, 3):
        os.kill(one.processes()["backend.app:app"], signal.SIGKILL)
        one.wait_for_line("backend was ended by SIGKILL", count=count)
        one.wait_for_line("backend is ready", count=count + 1)
        assert answers(f"{one.url}/readyz")
    os.kill(one.processes()["backend.app:app"], signal.SIGKILL)
    assert one.wait_for_end(STOP_SECONDS) == 1
    assert "backend keeps ending; everything is stopped" in one.log
    assert not list(_processes_of(one.data_dir))


def test_nothing_outlives_a_killed_supervisor(installation: Callable[..., Installation]) -> None:
    one = installation()
    one.start("--no-demo")
    one.wait_until_ready()
    assert set(one.processes()) >= set(CHILDREN)
    assert one.process is not None
    one.process.kill()
    wait_until(lambda: not list(_processes_of(one.data_dir)), what="the end of the children")
    one.process.wait()
    one.start("--no-demo")
    one.wait_until_ready()
    one.stop()


def test_stops_while_it_still_starts(installation: Callable[..., Installation]) -> None:
    one = installation()
    one.start("--no-demo")
    wait_until(lambda: "model_server.app:app" in one.processes(), seconds=START_SECONDS, what="the first child")
    one.stop()


def test_a_second_supervisor_of_the_same_folder_says_who_has_it(installation: Callable[..., Installation]) -> None:
    one, other = installation(), installation()
    other.data_dir = one.data_dir
    one.start("--no-demo")
    one.wait_until_ready()
    assert one.process is not None
    holder = f"in use by process {one.process.pid} at {one.url}."
    log = one.log
    other.start("--no-demo")  # writes into the same log
    assert other.wait_for_end(START_SECONDS) == 1
    assert holder not in log
    assert holder in other.log
    assert answers(f"{one.url}/readyz")


def test_refusals_are_one_sentence_that_helps(installation: Callable[..., Installation], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        (tmp_path / "file").touch()
        cases = {
            f"Port {port} of 127.0.0.1 cannot be used": {"SEGLOOP_PORT": port},
            "name another address with SEGLOOP_MODEL_SERVER_URL": {
                "SEGLOOP_MODEL_SERVER_URL": f"http://127.0.0.1:{port}"
            },
            "cannot be written": {"SEGLOOP_DATA_DIR": str(tmp_path / "file" / "data")},
            "Run `make install`": {"SEGLOOP_PAGE_DIR": str(tmp_path / "nothing")},
        }
        for sentence, environment in cases.items():
            one = installation(**environment)
            one.start()
            assert one.wait_for_end(START_SECONDS) == 1
            assert sentence in one.log
            assert len(one.log.splitlines()) == 1, one.log


def test_a_database_that_does_not_answer_is_named(installation: Callable[..., Installation]) -> None:
    one = installation(SEGLOOP_DATABASE_URL=f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing")
    one.start()
    assert one.wait_for_end(START_SECONDS) == 1
    assert "Check SEGLOOP_DATABASE_URL" in one.log
    assert "Traceback" not in one.log
    assert not list(_processes_of(one.data_dir))


@pytest.fixture
def empty_postgresql() -> Iterator[str]:
    """The URL of a new PostgreSQL database without tables."""
    address = POSTGRESQL_URL.replace("+psycopg", "")
    try:
        server = psycopg.connect(address, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip(f"PostgreSQL does not answer at {address}")
    name = f"segloop_up_{uuid4().hex[:12]}"
    with server:
        server.execute(f"CREATE DATABASE {name}")
        yield make_url(POSTGRESQL_URL).set(database=name).render_as_string(hide_password=False)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_two_first_starts_at_once_make_one_administrator(
    installation: Callable[..., Installation], empty_postgresql: str
) -> None:
    both = [installation(SEGLOOP_DATABASE_URL=empty_postgresql) for _ in range(2)]
    for one in both:
        one.start("--no-demo")
    for one in both:
        one.wait_until_ready()
    database = Database(empty_postgresql)
    with database.engine.connect() as connection:
        roles = connection.exec_driver_sql("SELECT role FROM users").all()
    database.close()
    assert [role for (role,) in roles] == ["admin"]
    for one in both:
        assert _call(f"{one.url}/api/auth/link", {"token": _sign_in_secret(one.log)})[0] == 200
        one.stop()


def test_the_doctor_finds_the_model_server_of_a_running_installation(installation: Callable[..., Installation]) -> None:
    one = installation()
    one.start("--no-demo")
    one.wait_until_ready()
    line = [sys.executable, "-c", SEGLOOP, "doctor", "--data", str(one.data_dir), "--url", one.url, "--json"]
    result = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True)
    found = {part["name"]: part["ok"] for part in json.loads(result.stdout)}
    assert (found["model server"], found["click"]) == (True, None), result.stdout
    one.stop()


def test_nohup_is_respected() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _stop_requests() as is_stopping:
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGTERM)
            assert is_stopping.wait(5)
    finally:
        signal.signal(signal.SIGHUP, before)
