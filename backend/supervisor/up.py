"""The life of `segloop up`: check, migrate, start, wait until ready, show a way in, watch, stop."""

import json
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from backend.auth.service import create_link, ensure_first_admin
from backend.auth.tables import User
from backend.database import Database
from backend.errors import AppError
from backend.projects.tables import Project
from backend.settings import Settings
from backend.supervisor import checks, commands
from backend.supervisor.checks import CannotStart
from backend.supervisor.console import say
from backend.supervisor.migrate import is_current
from backend.supervisor.processes import Child, Guard, Problem, stop_all

READY_SECONDS = 180.0
DEMO_SECONDS = 300.0
WATCH_SECONDS = 0.1
PROBE_SECONDS = 2.0
PORT_ADVICE = "Stop the program that has it, or choose another one with --port or SEGLOOP_PORT."
# A proxy of the environment is not for this machine.
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
LOOPBACK = "127.0.0.1"
MODEL_PORT_ADVICE = "Stop the program that has it, or name another address with SEGLOOP_MODEL_SERVER_URL."


class StartFailed(Exception):
    """A process that does not come up or keeps ending."""


def run_up(settings: Settings, *, with_demo: bool = True) -> int:
    """Runs the whole installation until SIGINT or SIGTERM; returns the exit status: 0 when it was asked to stop."""
    started = time.monotonic()
    with _stop_requests() as is_stopping:
        try:
            checks.check_page(settings)
            with checks.lock_data_dir(settings) as lock:
                settings = _with_model_server(settings)
                settings.model_server_note.write_text(settings.model_server_url)
                return _Installation(settings, is_stopping, started, lock).run(with_demo)
        except CannotStart as error:
            say("segloop", str(error))
            return 1


@contextmanager
def _stop_requests() -> Iterator[threading.Event]:
    is_stopping = threading.Event()
    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # started with nohup, to outlive the terminal
        signals.remove(signal.SIGHUP)
    before = {signum: signal.signal(signum, lambda *_: is_stopping.set()) for signum in signals}
    try:
        yield is_stopping
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _with_model_server(settings: Settings) -> Settings:
    """The settings with an address for the model server that this start has for itself.

    Any free port when none was asked for: two installations that start at once must never share one, or clicks of
    the second would be answered from the images of the first.
    """
    checks.check_port(settings.host, settings.port, PORT_ADVICE)
    if "model_server_url" not in settings.model_fields_set:
        return settings.model_copy(update={"model_server_url": f"http://{LOOPBACK}:{checks.free_port(LOOPBACK)}"})
    address = commands.model_server_address(settings)
    if address is not None:
        checks.check_port(*address, MODEL_PORT_ADVICE)
    return settings


class _Installation:
    def __init__(self, settings: Settings, is_stopping: threading.Event, started: float, lock: IO[str]) -> None:
        self.settings = settings
        self.is_stopping = is_stopping
        self.started = started
        self.lock = lock
        self.environment = commands.child_environment(settings)
        self.children: list[Child] = []

    def run(self, with_demo: bool) -> int:
        self.guard = Guard()
        database = Database(self.settings.resolved_database_url)
        try:
            self._start(database)
            if with_demo and not self.is_stopping.is_set() and _is_first_start(database):
                self._make_demo()
            self._greet(database)
            while not self.is_stopping.wait(WATCH_SECONDS):
                self._tend()
        except StartFailed as error:
            say("segloop", str(error))
            return 1
        except (AppError, SQLAlchemyError) as error:
            say("segloop", f"The database refuses: {error}. Check SEGLOOP_DATABASE_URL and that the database runs.")
            return 1
        finally:
            say("segloop", "stopping")
            stop_all(self.children)
            database.close()
            self.guard.close()
            say("segloop", "stopped")
        return 0

    def _start(self, database: Database) -> None:
        warning = checks.network_file_system_warning(self.settings)
        if warning is not None:
            say("segloop", f"Warning: {warning}")
        # The model takes longest to load and needs no tables: it begins while the database is migrated.
        address = commands.model_server_address(self.settings)
        if address is not None:
            arguments = commands.model_server_command(host=address[0], port=address[1])
            self._add("model_server", arguments, _http_problem(f"{self.settings.model_server_url}/readyz"))
        self._migrate(database)
        if self.is_stopping.is_set():
            return
        ensure_first_admin(database)
        settings = self.settings
        arguments = commands.backend_command(host=settings.host, port=settings.port)
        self._add(
            "backend", arguments, _http_problem(f"http://{_reachable_host(settings.host)}:{settings.port}/readyz")
        )
        arguments = commands.worker_command(has_broker=bool(settings.broker_url), threads=settings.job_threads)
        self._add("worker", arguments, _log_problem)
        self._wait_until_ready()

    def _add(self, name: str, arguments: list[str], problem: Problem) -> None:
        child = Child(name, arguments, self.environment, self.guard, problem)
        self.children.append(child)
        child.start()

    def _migrate(self, database: Database) -> None:
        if is_current(database):
            return
        began = time.monotonic()
        line = commands.command_line(list(commands.MIGRATE))
        done = subprocess.run(line, env=self.environment, capture_output=True, text=True, start_new_session=True)
        if done.returncode != 0:
            raise StartFailed(done.stderr.strip() or f"Migrating the database ended with status {done.returncode}.")
        say("segloop", f"database migrated in {time.monotonic() - began:.1f} s")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_stopping.wait(WATCH_SECONDS):
            self._tend()
            waiting = [child for child in self.children if not child.is_ready]
            if not waiting:
                return
            if time.monotonic() > deadline:
                reasons = "; ".join(f"{child.name}: {child.problem(child)}" for child in waiting)
                raise StartFailed(f"Not ready after {READY_SECONDS:.0f} s: {reasons}")

    def _tend(self) -> None:
        """Starts again what ended, and notices what became ready."""
        for child in self.children:
            if child.restart_at is not None:
                if time.monotonic() >= child.restart_at:
                    child.start()
            elif not child.is_running:
                self._bury(child)
            elif not child.is_ready and not child.problem(child):
                child.is_ready = True
                say("segloop", f"{child.name} is ready after {time.monotonic() - child.started:.1f} s")

    def _bury(self, child: Child) -> None:
        child.forget()
        say("segloop", child.obituary())
        if child.tail:
            say("segloop", f"{child.name} said last: " + " / ".join(list(child.tail)[-3:]))
        pause_seconds = child.may_restart()
        if pause_seconds is None:
            raise StartFailed(f"{child.name} keeps ending; everything is stopped. Nothing that was saved is lost.")
        say("segloop", f"{child.name} is started again in {pause_seconds:.1f} s")
        child.restart_at = time.monotonic() + pause_seconds

    def _make_demo(self) -> None:
        demo = Child("demo", list(commands.DEMO), self.environment, self.guard)
        demo.start()
        deadline = time.monotonic() + DEMO_SECONDS
        try:
            while demo.is_running and not self.is_stopping.wait(WATCH_SECONDS):
                self._tend()
                if time.monotonic() > deadline:
                    say("segloop", "The demo project takes too long and is left as it is.")
                    break
        finally:
            stop_all([demo], seconds=2.0)

    def _greet(self, database: Database) -> None:
        if self.is_stopping.is_set():
            return
        admin = ensure_first_admin(database)
        hours = self.settings.sign_in_link_hours
        with database.write() as session:
            secret = create_link(session, session.get_one(User, admin.id), hours=hours)
        url = self.settings.resolved_public_url
        say("segloop", f"ready after {time.monotonic() - self.started:.1f} s at {url}")
        say("segloop", f"sign in as {admin.email} (once, within {hours} hours): {url}/sign-in?link={secret}")
        say("segloop", "Ctrl-C stops everything")


def _is_first_start(database: Database) -> bool:
    """Whether there has never been a project; deleted ones count."""
    with database.read() as session:
        return session.scalar(select(Project.id).limit(1)) is None


def _reachable_host(host: str) -> str:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{reachable}]" if ":" in reachable else reachable


def _log_problem(child: Child) -> str:
    return "" if child.says_ready else "it has not said that it is ready"


def _http_problem(url: str) -> Problem:
    """Asks `url`; the answer's own words when it is not 200."""

    def problem(child: Child) -> str:
        try:
            with NO_PROXY.open(url, timeout=PROBE_SECONDS):
                return ""
        except urllib.error.HTTPError as error:
            with suppress(ValueError, KeyError, TypeError):
                return str(json.load(error)["error"]["message"])
            return f"it answers {error.code}"
        except OSError:
            return "it does not answer"

    return problem
