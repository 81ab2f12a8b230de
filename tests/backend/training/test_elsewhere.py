"""Models that are trained elsewhere: what a trainer is told, and which checkpoints are taken from it."""

import hashlib
import hmac
import io
import json
import pickle
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from backend.jobs.resources import Resources
from backend.jobs.tables import Job
from backend.settings import Settings
from backend.training import hooks
from backend.training.checks import settle_runs
from model_server.networks import registry
from tests.backend.training.conftest import Filled, read_run, start, work

Trainer = tuple[str, list[tuple[bytes, str]]]


@pytest.fixture
def trainer() -> Iterator[Trainer]:
    """An address that takes announcements: what it got, with the signature."""
    got: list[tuple[bytes, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((body, self.headers["Segloop-Signature"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", got
        server.shutdown()
        thread.join()


def announce_to(client: TestClient, project_id: int, **policy: str) -> None:
    body = {"policy": policy, "revision": 1}
    assert client.patch(f"/api/projects/{project_id}/training-policy", json=body).status_code == 200


def archive(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for name, data in members.items():
            opened.writestr(name, data)
    return file.getvalue()


def test_a_run_is_handed_over_and_its_checkpoint_comes_back(
    client: TestClient,
    resources: Resources,
    filled: Filled,
    trainer: Trainer,
    small_model: Path,
    tmp_path: Path,
) -> None:
    address, got = trainer
    announce_to(client, filled.project_id, hook_url=address, hook_secret="quiet")
    run = start(client, filled.project_id)
    work(resources)
    ((body, signature),) = got
    assert signature == "sha256=" + hmac.new(b"quiet", body, hashlib.sha256).hexdigest()
    told = json.loads(body)
    assert (told["run_id"], told["base_version"]) == (run["id"], filled.live)
    path = told["snapshot"]["download"].partition("/api/")[2]
    assert client.get(f"/api/{path}").status_code == 200
    waiting = read_run(client, run["id"])
    assert (waiting["state"], waiting["job"]["state"]) == ("training", "done")
    assert waiting["waits_for_checkpoint"] is True
    assert waiting["reason"] == "Waiting for the checkpoint from 127.0.0.1."
    refused = client.post(f"/api/projects/{filled.project_id}/training-runs", json={})
    assert refused.json()["error"]["code"] == "run_under_way"

    def send(data: bytes) -> tuple[int, Any, str]:
        answer = client.post(f"/api/training-runs/{run['id']}/checkpoint", files=[("files", ("c.zip", data))])
        error = answer.json().get("error", {})
        return answer.status_code, error.get("code"), error.get("message", "")

    model = {name: (small_model / name).read_bytes() for name in hooks.MEMBERS}
    weights = model["model.safetensors"]
    pickled = pickle.dumps({"weight": [1.0] * 50})
    whole = archive(model)
    bent = bytearray(whole)
    bent[whole.index(weights[:64]) + 40] ^= 0xFF
    for wrong, words in (
        (b"PK no archive", "this one is damaged or none"),
        (whole[: len(whole) // 2], "damaged or none"),
        (bytes(bent), ""),
        (archive({"config.json": b"{}"}), "and nothing else"),
        (archive(model | {"pickle.bin": b""}), "and nothing else"),
        (archive({"../config.json": b"{}", "model.safetensors": b""}), "and nothing else"),
        (archive(model | {"config.json": bytes(hooks.MAX_CONFIG_BYTES + 1)}), "too large"),
        (archive(model | {"config.json": b"[" * 100_000}), "no JSON object"),
        (archive(model | {"config.json": b'{"model_type": "bert"}'}), "Another architecture: model_type is 'bert'"),
        (archive(model | {"model.safetensors": pickled}), "never opened"),
        (archive(model | {"model.safetensors": weights[:-9]}), "cut off"),
        (archive(model | {"model.safetensors": b""}), "cut off"),
    ):
        status, code, message = send(wrong)
        assert (status, code, words in message) == (422, "checkpoint_unusable", True), message
    assert read_run(client, run["id"])["job"]["state"] == "done"
    assert send(archive(model)) == (202, None, "")
    assert read_run(client, run["id"])["waits_for_checkpoint"] is False
    assert send(archive(model))[:2] == (409, "checkpoint_not_expected")
    with resources.database.read() as session:
        job = session.scalars(select(Job).where(Job.kind == "train").order_by(Job.id.desc())).first()
    assert job is not None
    assert job.args == {"run_id": run["id"], "checkpoint": f"checkpoints/{run['id']}.zip"}
    assert client.post(f"/api/training-runs/{run['id']}/cancel").json()["state"] == "cancelled"


def test_a_run_that_waits_for_its_checkpoint_ends_with_its_project(
    client: TestClient, resources: Resources, filled: Filled, trainer: Trainer
) -> None:
    announce_to(client, filled.project_id, hook_url=trainer[0])
    run = start(client, filled.project_id)
    work(resources)
    assert read_run(client, run["id"])["waits_for_checkpoint"]
    client.delete(f"/api/projects/{filled.project_id}")
    settle_runs(resources)
    client.post(f"/api/projects/{filled.project_id}/restore")
    assert read_run(client, run["id"])["state"] == "cancelled"
    assert start(client, filled.project_id)["state"] == "queued", "nothing is under way"


class TestSmallUploads:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"max_upload_bytes": 2 << 20})

    def test_a_checkpoint_beyond_the_limit_is_refused_by_its_size(
        self, client: TestClient, resources: Resources, filled: Filled, trainer: Trainer
    ) -> None:
        announce_to(client, filled.project_id, hook_url=trainer[0])
        run = start(client, filled.project_id)
        work(resources)
        data = archive({"config.json": b"{}", "model.safetensors": bytes(3 << 20)})
        answer = client.post(f"/api/training-runs/{run['id']}/checkpoint", files=[("files", ("c.zip", data))])
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
        assert "at most 2 MiB" in answer.json()["error"]["message"]
        assert read_run(client, run["id"])["waits_for_checkpoint"] is True


def test_the_architectures_are_those_of_the_model_server() -> None:
    assert set(hooks.MODEL_TYPES) == set(registry.MODULE_OF_MODEL_TYPE)
