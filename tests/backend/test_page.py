"""The built page: assets packed where a browser takes that, and never the page in place of a missing asset."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from backend.settings import Settings

WASM = b"\0asm" + bytes(100)
PACKED = b"packed"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    assets = tmp_path / "page" / "assets"
    assets.mkdir(parents=True)
    (assets.parent / "index.html").write_text("<!doctype html>")
    (assets / "runtime-abc.wasm").write_bytes(WASM)
    (assets / "runtime-abc.wasm.br").write_bytes(PACKED)
    (assets / "worker-abc.mjs").write_text("export {};")
    return settings.model_copy(update={"page_dir": assets.parent})


def test_a_packed_asset_goes_to_whoever_takes_it(app_client: TestClient) -> None:
    with app_client.stream("GET", "/assets/runtime-abc.wasm", headers={"Accept-Encoding": "gzip, br"}) as packed:
        assert (packed.status_code, packed.headers["content-encoding"]) == (200, "br")
        assert b"".join(packed.iter_raw()) == PACKED
    plain = app_client.get("/assets/runtime-abc.wasm", headers={"Accept-Encoding": "identity"})
    assert plain.content == WASM
    assert "content-encoding" not in plain.headers
    for answer in (packed, plain):
        assert answer.headers["content-type"] == "application/wasm"
        assert answer.headers["vary"] == "accept-encoding"
        assert "immutable" in answer.headers["cache-control"]


def test_assets_are_isolated_and_of_their_type(app_client: TestClient) -> None:
    answer = app_client.get("/assets/worker-abc.mjs")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cross-origin-embedder-policy"] == "require-corp"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "'wasm-unsafe-eval'" in answer.headers["content-security-policy"]


def test_a_missing_asset_is_missing(app_client: TestClient) -> None:
    answer = app_client.get("/assets/runtime-old.wasm")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_such_file")
