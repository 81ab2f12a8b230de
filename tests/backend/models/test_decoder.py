"""A model version's decoder through the backend, from a real model server."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import onnxruntime
import pytest
import torch
from fastapi.testclient import TestClient

from backend.settings import Settings
from model_server.export_onnx.errors import ExportError
from model_server.export_onnx.serving import Decoders
from model_server.networks.network import NetworkFacts
from model_server.networks.registry import BUNDLED, load_network
from tests.running import REPOSITORY, answers, free_port, wait_until


@pytest.fixture(scope="module")
def decoder_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Address and data folder of a model server with the tiny network, which has no decoder, and `nano`."""
    port, data = free_port(), tmp_path_factory.mktemp("data")
    environment = os.environ | {"SEGLOOP_DATA_DIR": str(data), "SEGLOOP_MODELS": "tiny,nano"}
    command_line = [sys.executable, "-m", "uvicorn", "model_server.app:app", "--port", str(port)]
    with (data / "log.txt").open("wb") as output:
        process = subprocess.Popen(command_line, env=environment, cwd=REPOSITORY, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{url}/readyz"), seconds=180, what="the model server's readiness")
        yield url, data
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def served(settings: Settings, decoder_server: tuple[str, Path], client: TestClient) -> dict[str, str]:
    """Model versions by name."""
    return {model["name"]: model["id"] for model in client.get("/api/models").json()["items"]}


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    if "decoder_server" not in request.fixturenames:
        return settings
    url = request.getfixturevalue("decoder_server")[0]
    return settings.model_copy(update={"model_server_url": url, "model_server_timeout_seconds": 300.0})


def test_made_once_and_kept_for_ever(
    client: TestClient, make_person: Callable[..., Any], served: dict[str, str], decoder_server: tuple[str, Path]
) -> None:
    url, data = decoder_server
    address = f"/api/models/{served['nano']}/decoder.onnx"
    annotator = make_person("annotator").headers
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda headers: client.get(address, headers=headers), [annotator, {}])
    assert first.status_code == second.status_code == 200, first.text
    assert first.content == second.content
    assert "segloop_model_exported_decoders 1.0" in httpx.get(f"{url}/metrics").text

    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert int(first.headers["content-length"]) == len(first.content)
    session = onnxruntime.InferenceSession(first.content, providers=["CPUExecutionProvider"])
    described = json.loads(first.headers["segloop-decoder"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["model_version"] == described["model_version"] == served["nano"]
    assert json.loads(metadata["rules"]) == described["rules"]

    again = client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = client.get(address, headers={"If-None-Match": '"something-else"'})
    assert (other.status_code, other.content) == (200, first.content)
    files = sorted(path.name for path in (data / "decoders").iterdir())
    assert files == [f"{served['nano']}.float32.2.json", f"{served['nano']}.float32.2.onnx"]


@pytest.mark.parametrize(
    ("version", "query", "status", "code"),
    [
        ("tiny", "", 409, "decoder_not_exportable"),
        ("none-00000000", "", 404, "unknown_model_version"),
        ("tiny", "?weights=smallest", 409, "decoder_not_exportable"),
        ("nano", "?weights=int4", 422, "invalid_request"),
    ],
)
def test_refusals(client: TestClient, served: dict[str, str], version: str, query: str, status: int, code: str) -> None:
    answer = client.get(f"/api/models/{served.get(version, version)}/decoder.onnx{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_the_smallest_is_not_waited_for_and_a_restart_repeats_nothing(
    client: TestClient, served: dict[str, str], decoder_server: tuple[str, Path]
) -> None:
    address = f"/api/models/{served['nano']}/decoder.onnx?weights=smallest"
    first = client.get(address)
    assert (first.status_code, first.headers["cache-control"]) == (202, "no-store")
    made: list[Any] = []

    def is_made() -> bool:
        made.append(client.get(address))
        return bool(made[-1].status_code != 202)

    wait_until(is_made, seconds=300, what="the smallest decoder")
    assert made[-1].status_code == 200, made[-1].text
    described = json.loads(made[-1].headers["segloop-decoder"])
    assert described["weights"] in ("uint8", "float16", "float32")
    assert made[-1].headers["cache-control"] == "private, no-cache"
    onnxruntime.InferenceSession(made[-1].content, providers=["CPUExecutionProvider"])
    again = client.get(address, headers={"If-None-Match": made[-1].headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")

    # `nano` is refused with uint8 weights; `find_folder` fails whoever would export again.
    def find_folder(facts: NetworkFacts) -> Path:
        raise AssertionError(facts)

    restarted = Decoders(decoder_server[1] / "decoders", find_folder=find_folder)
    facts = load_network(BUNDLED / "nano", torch.device("cpu")).facts
    found = restarted.find_smallest(facts)
    assert found is not None
    assert found.path.read_bytes() == made[-1].content
    if described["weights"] != "uint8":
        with pytest.raises(ExportError, match=r"mean IoU of 0\.\d{4} only") as refused:
            asyncio.run(restarted.get(facts, "uint8"))
        assert refused.value.code == "decoder_disagrees"
    restarted.close()


def test_without_a_model_server(client: TestClient) -> None:
    answer = client.get("/api/models/nano-00000000/decoder.onnx")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_server_unavailable")
    assert answer.headers["retry-after"]
