"""Real things for every test: a migrated database of its own, a storage folder, a model server with the tiny network.

`SEGLOOP_TEST_DATABASE=postgresql` runs the same tests on PostgreSQL (`SEGLOOP_TEST_POSTGRESQL` is its URL).
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import create_engine, make_url

from backend.app import create_app
from backend.auth import service as auth
from backend.auth.permissions import Role
from backend.images.service import ADDED_HOOKS
from backend.images.tables import Image
from backend.settings import Settings
from tests.running import REPOSITORY, answers, free_port, migrate, wait_until

POSTGRESQL_URL = os.environ.get("SEGLOOP_TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
DATABASE_KIND = os.environ.get("SEGLOOP_TEST_DATABASE", "sqlite")

# Tests and the programs they start share few cores: more threads than one each only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# How long an example takes is the machine's affair, not the code's.
hypothesis_settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("any machine")


def _on_postgresql_server(statement: str) -> None:
    engine = create_engine(POSTGRESQL_URL, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture(scope="session")
def migrated_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated, empty database that tests copy: a SQLite file's URL or a PostgreSQL database's URL."""
    if DATABASE_KIND == "sqlite":
        file = tmp_path_factory.mktemp("template") / "template.sqlite3"
        url = f"sqlite:///{file}"
        migrate(url)
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")  # once, not in each copy: it waits for the disk
        yield url
        return
    name = f"segloop_template_{uuid4().hex[:12]}"
    _on_postgresql_server(f"CREATE DATABASE {name}")
    url = make_url(POSTGRESQL_URL).set(database=name).render_as_string(hide_password=False)
    migrate(url)
    yield url
    _on_postgresql_server(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(migrated_template: str, tmp_path: Path) -> Iterator[str]:
    """A migrated database for one test."""
    template = make_url(migrated_template)
    if DATABASE_KIND == "sqlite":
        copy = tmp_path / "segloop.sqlite3"
        shutil.copy(str(template.database), copy)
        yield f"sqlite:///{copy}"
        return
    name = f"segloop_test_{uuid4().hex[:12]}"
    _on_postgresql_server(f"CREATE DATABASE {name} TEMPLATE {template.database}")
    yield template.set(database=name).render_as_string(hide_password=False)
    _on_postgresql_server(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def storage_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Blobs are named by content, so all tests of a session can share one folder."""
    return tmp_path_factory.mktemp("storage")


@pytest.fixture(scope="session")
def detectors_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where that model server looks for detectors; empty."""
    return tmp_path_factory.mktemp("detectors")


@pytest.fixture(scope="session")
def model_server_url(storage_dir: Path, detectors_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real model server in a process of its own, with the tiny network."""
    port = free_port()
    log = tmp_path_factory.mktemp("model_server") / "log.txt"
    environment = os.environ | {
        "SEGLOOP_DATA_DIR": str(tmp_path_factory.mktemp("model_server_data")),
        "SEGLOOP_STORAGE_URL": str(storage_dir),
        "SEGLOOP_MODELS": "tiny",
        "SEGLOOP_DETECTORS_DIR": str(detectors_dir),
    }
    command_line = [sys.executable, "-m", "uvicorn", "model_server.app:app", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command_line, env=environment, cwd=REPOSITORY, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{url}/readyz"), seconds=180, what=f"the model server's readiness ({log})")
        yield url
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def settings(database_url: str, storage_dir: Path, tmp_path: Path) -> Settings:
    """An installation for one test, with nobody listening where its model server should be."""
    return Settings(
        data_dir=tmp_path / "data",
        database_url=database_url,
        storage_url=str(storage_dir),
        model_server_url="http://127.0.0.1:9",
        login_attempts_per_minute=1000,
    )


@pytest.fixture
def app_client(settings: Settings) -> Iterator[TestClient]:
    """The running app, nobody signed in."""
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        yield client


@dataclass(frozen=True)
class Person:
    """A user of the test with a token's headers."""

    user_id: int
    email: str
    headers: dict[str, str]


@pytest.fixture
def make_person(app_client: TestClient) -> Callable[..., Person]:
    """Adds a user and gives their API token's headers."""
    database = app_client.app.state.resources.database  # type: ignore[attr-defined]

    def make(role: Role = "annotator", email: str | None = None) -> Person:
        with database.write() as session:
            address = email or f"{role}-{uuid4().hex[:6]}@example.org"
            user = auth.create_user(session, email=address, name=role, role=role)
            _, token = auth.create_token(session, user, name="test")
            return Person(user.id, user.email, {"Authorization": f"Bearer {token}"})

    return make


@pytest.fixture
def client(app_client: TestClient, make_person: Callable[..., Person]) -> TestClient:
    """The running app, called as an administrator."""
    app_client.headers.update(make_person("admin", "admin@example.org").headers)
    return app_client


@pytest.fixture
def project_id(client: TestClient) -> int:
    """A project of the administrator."""
    answer = client.post("/api/projects", json={"name": "Test"})
    assert answer.status_code == 201, answer.text
    created: int = answer.json()["id"]
    return created


@pytest.fixture
def add_image(client: TestClient, project_id: int) -> Callable[..., int]:
    """Adds an image row without bytes (for tests of everything but pixels) as an upload would, and gives its id."""
    database = client.app.state.resources.database  # type: ignore[attr-defined]

    def add(size_hw: tuple[int, int] = (40, 60), project: int = project_id) -> int:
        sha256 = uuid4().hex * 2
        image = Image(
            project_id=project,
            sha256=sha256,
            file_name=f"{sha256[:6]}.jpg",
            height=size_hw[0],
            width=size_hw[1],
            format="JPEG",
            byte_size=1,
            is_plain=True,
        )
        with database.write() as session:
            session.add(image)
            session.flush()
            for hook in ADDED_HOOKS:
                hook(session, [image])
            return int(image.id)

    return add
