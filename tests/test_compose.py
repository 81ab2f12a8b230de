"""docker-compose.yml is sound, runs what `segloop up` runs, and starts nothing without passwords."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.supervisor import commands
from tests.running import REPOSITORY

COMPOSE_FILE = REPOSITORY / "docker-compose.yml"
PASSWORDS = {"POSTGRES_PASSWORD": "postgresSecret", "S3_ACCESS_KEY": "accessKey", "S3_SECRET_KEY": "s3Secret"}
COMMANDS = {
    "backend": commands.backend_command(host="0.0.0.0", port=8000),
    "model_server": commands.model_server_command(host="0.0.0.0", port=8001),
    "worker": commands.worker_command(has_broker=True, threads=2),
    "trainer": commands.worker_command(has_broker=False, threads=2),
    "migrate": list(commands.MIGRATE),
}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services as written, anchors resolved."""
    written: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
    return written


def test_commands_in_a_container_of_their_own_find_the_backend(services: dict[str, Any]) -> None:
    assert services["backend"]["environment"]["SEGLOOP_URL"] == "http://backend:8000"


@pytest.fixture(scope="module")
def compose() -> list[str]:
    """A compose client that works here."""
    for client in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(client[0]) and not subprocess.run([*client, "version"], capture_output=True).returncode:
            return client
    pytest.skip("neither `docker compose` nor `docker-compose` is installed; the files were checked as YAML only")


def _config(compose: Sequence[str], passwords: dict[str, str], *files: str) -> subprocess.CompletedProcess[str]:
    chosen = [option for file in files for option in ("--file", str(REPOSITORY / file))]
    environment = {name: value for name, value in os.environ.items() if name not in PASSWORDS} | passwords
    line = [*compose, *chosen, "--env-file", str(REPOSITORY / ".env.example"), "config"]
    return subprocess.run(line, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_containers_run_the_commands_of_segloop_up(services: dict[str, Any], name: str) -> None:
    assert services[name]["command"] == ["python", *COMMANDS[name]]


@pytest.mark.parametrize("name", ["backend", "model_server"])
def test_images_run_the_commands_of_segloop_up(name: str) -> None:
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    stage = lines.index(f"FROM python AS {name}")
    command = next(line for line in lines[stage:] if line.startswith("CMD "))
    assert json.loads(command.removeprefix("CMD ")) == ["python", *COMMANDS[name]]


def test_tables_are_made_before_anything_uses_them(services: dict[str, Any]) -> None:
    for name in ("backend", "worker", "trainer"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_only_the_backend_is_published_and_only_to_this_machine(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(published) == ["backend"]
    assert all(port.startswith("127.0.0.1:") for port in published["backend"])


def test_example_settings_hold_no_password() -> None:
    lines = (REPOSITORY / ".env.example").read_text().splitlines()
    for name in PASSWORDS:
        assert f"{name}=" in lines


@pytest.mark.parametrize("files", [["docker-compose.yml"], ["docker-compose.yml", "docker-compose.gpu.yml"]])
def test_compose_accepts_the_files(compose: list[str], files: list[str]) -> None:
    done = _config(compose, PASSWORDS, *files)
    assert done.returncode == 0, done.stderr
    assert set(COMMANDS) < set(yaml.safe_load(done.stdout)["services"])


@pytest.mark.parametrize("missing", sorted(PASSWORDS))
def test_compose_refuses_without_a_password(compose: list[str], missing: str) -> None:
    done = _config(compose, PASSWORDS | {missing: ""}, "docker-compose.yml")
    assert done.returncode != 0
    assert "set it in .env" in done.stderr


def test_dockerignore_keeps_data_and_secrets_out() -> None:
    rules = Path(REPOSITORY / ".dockerignore").read_text().splitlines()
    assert rules[0] == "*"
    assert not {"!.env", "!data", "!."} & set(rules)
