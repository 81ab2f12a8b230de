"""Pulling from a real HTTP server that breaks, lies and continues as servers do."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import namedtuple
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from model_server.networks.catalogue import CATALOGUE, Published, bytes_kept, find_published, pull
from model_server.networks.download import PullFailed, RemoteFile
from model_server.networks.models_folder import INCOMING, add, incoming
from model_server.networks.registry import load_network
from model_server.networks.weights import UnusableModel
from tests.model_server.conftest import write_tiny
from tests.running import REPOSITORY, free_port, wait_until


class Hub:
    """Serves files under any path by their last part, as the hub does: with ranges and announced checksums."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.announces = True
        self.continues = True
        self.redirects = True
        self.status: int | None = None
        self.breaks_after: list[int] = []  # bytes of each next large answer, then the connection is cut
        self.hangs_after: int | None = None
        self.ranges: list[tuple[str, str | None]] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.answer(self)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.rsplit("/", 1)[1]
        data = self.files.get(name, b"")
        status = self.status or (200 if name in self.files else 404)
        is_large = name == "model.safetensors"
        sha256 = hashlib.sha256(data).hexdigest()
        if status == 200 and is_large and self.redirects and not request.path.startswith("/cdn/"):
            tag = {"X-Linked-ETag": f'"{sha256}"'} if self.announces else {}
            self.send(request, 302, b"", {"Location": f"/cdn/{name}", **tag})
            return
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        tags = {"ETag": 'W/"5f3c"' if is_large or not self.announces else f'"{blob}"'}
        asked = request.headers.get("Range")
        if is_large:
            self.ranges.append((name, asked))
        if status == 200 and asked and self.continues:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])  # type: ignore[index]
            if start >= len(data):
                self.send(request, 416, b"", tags)
                return
            tags["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self.send(request, 206, data[start:], tags)
        else:
            self.send(request, status, data if status == 200 else b"", tags)

    def send(self, request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        is_large = len(body) > 10_000
        cut = self.breaks_after.pop(0) if is_large and self.breaks_after else None
        sent = cut if cut is not None else self.hangs_after if is_large else None
        with suppress(ConnectionError):  # the other side may give up
            request.wfile.write(body if sent is None else body[:sent])
        request.wfile.flush()
        if is_large and self.hangs_after:
            threading.Event().wait()
        if cut is not None:
            request.connection.close()
            request.close_connection = True


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = write_tiny(tmp_path / "origin", "spot", reach=(4.0, 9.0, 16.0))
    weights = {"encoder.scale": torch.ones(3), "decoder.reach": torch.tensor([4.0, 9.0, 16.0])}
    save_file(weights | {"ballast": torch.arange(1_000_000.0)}, folder / "model.safetensors")
    hub = Hub({name: (folder / name).read_bytes() for name in ("config.json", "model.safetensors")})
    yield hub
    hub.server.shutdown()
    hub.server.server_close()


def published(hub: Hub, *, is_known: bool = True) -> Published:
    files = tuple(
        RemoteFile(
            name=name,
            sha256=hashlib.sha256(data).hexdigest() if is_known else None,
            size=len(data) if is_known else None,
        )
        for name, data in hub.files.items()
    )
    return Published(
        name="spot", repository="facebook/spot", revision="abc", files=files, official_file="", official_sha256=""
    )


def quiet(*_: object) -> None:
    """Reports nothing."""


def pulled(hub: Hub, models_dir: Path, *, is_known: bool = True) -> Path:
    return pull(published(hub, is_known=is_known), models_dir, hub_url=hub.url, report=quiet)


def failure(hub: Hub, models_dir: Path, *, is_known: bool = True) -> PullFailed:
    with pytest.raises(PullFailed) as caught:
        pulled(hub, models_dir, is_known=is_known)
    assert not list(models_dir.glob("*/config.json")), "nothing half-done is a model"
    return caught.value


def test_a_pulled_model_loads_and_says_how_it_was_checked(hub: Hub, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    folder = pull(published(hub), tmp_path / "m", hub_url=f"{hub.url}/", report=lambda *step: seen.append(step))
    assert folder == tmp_path / "m" / "spot"
    assert load_network(folder, torch.device("cpu")).facts.name == "spot"
    assert '"checked_by": "known"' in (folder / "source.json").read_text()
    size = len(hub.files["model.safetensors"])
    assert seen[-1] == ("model.safetensors", size, size)
    with pytest.raises(UnusableModel, match="already"):
        pulled(hub, tmp_path / "m")


def test_a_connection_that_breaks_is_continued(hub: Hub, tmp_path: Path) -> None:
    hub.breaks_after = [1_500_000, 1_000_000]
    folder = pulled(hub, tmp_path)
    assert (folder / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    starts = [int(asked[6:-1]) for _, asked in hub.ranges if asked]
    assert len(starts) == 2
    assert 0 < starts[0] < starts[1]


def test_what_has_come_stays_for_the_next_pull(hub: Hub, tmp_path: Path) -> None:
    hub.breaks_after = [1_500_000] + [0] * 30
    error = failure(hub, tmp_path)
    assert error.code == "network_unreachable"
    assert "are kept" in error.message
    kept = bytes_kept(tmp_path, "spot")
    hub.breaks_after = []
    hub.ranges.clear()
    pulled(hub, tmp_path)
    assert 0 < kept <= 1_500_000 + len(hub.files["config.json"])
    assert hub.ranges == [("model.safetensors", f"bytes={kept - len(hub.files['config.json'])}-")]


def test_a_whole_part_needs_no_second_transfer(hub: Hub, tmp_path: Path) -> None:
    staging = tmp_path / INCOMING / "spot"
    staging.mkdir(parents=True)
    (staging / "model.safetensors.part").write_bytes(hub.files["model.safetensors"])
    pulled(hub, tmp_path, is_known=False)  # asks for the checksum, is told there is no more to send
    assert hub.ranges == [("model.safetensors", f"bytes={len(hub.files['model.safetensors'])}-")]


def test_a_server_without_ranges_starts_over(hub: Hub, tmp_path: Path) -> None:
    hub.continues = False
    hub.breaks_after = [1_500_000]
    folder = pulled(hub, tmp_path)
    assert (folder / "model.safetensors").read_bytes() == hub.files["model.safetensors"]


def test_a_wrong_checksum_is_never_kept(hub: Hub, tmp_path: Path) -> None:
    wanted = published(hub)
    hub.files["model.safetensors"] = hub.files["model.safetensors"][:-1] + b"!"
    for hub.announces, words in (True, "offers another file"), (False, "what came is not what it should be"):
        with pytest.raises(PullFailed, match=words) as caught:
            pull(wanted, tmp_path, hub_url=hub.url, report=quiet)
        assert caught.value.code == "checksum_mismatch"
        assert not list((tmp_path / INCOMING).rglob("model.safetensors*"))
    assert not (tmp_path / "spot").exists()


def test_without_a_known_checksum_the_announced_one_counts(hub: Hub, tmp_path: Path) -> None:
    folder = pulled(hub, tmp_path / "a", is_known=False)
    assert (folder / "source.json").read_text().count('"checked_by": "announced"') == 2
    hub.announces = False
    assert failure(hub, tmp_path / "b", is_known=False).code == "checksum_unknown"


@pytest.mark.parametrize(
    ("status", "code"), [(404, "not_found"), (401, "refused"), (403, "refused"), (503, "server_error")]
)
def test_refusals_are_named(hub: Hub, tmp_path: Path, status: int, code: str) -> None:
    hub.status = status
    error = failure(hub, tmp_path)
    assert (error.code, str(status) in error.message) == (code, True)


def test_no_network_and_no_address_are_named(hub: Hub, tmp_path: Path) -> None:
    for url in (f"http://127.0.0.1:{free_port()}", "nonsense", "http://[broken"):
        with pytest.raises(PullFailed) as caught:
            pull(published(hub), tmp_path, hub_url=url, report=quiet)
        assert (caught.value.code, url in caught.value.message) == ("network_unreachable", True)


def test_a_full_disk_is_seen_before_it_is_full(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 65 << 20))
    error = failure(hub, tmp_path)
    assert (error.code, "4 MB are needed" in error.message) == ("disk_full", True)


def test_what_is_no_model_does_not_get_in(hub: Hub, tmp_path: Path) -> None:
    hub.files["model.safetensors"] = b"not a tensor in here"
    with pytest.raises(UnusableModel) as caught:
        pulled(hub, tmp_path)
    assert caught.value.code == "model_weights_damaged"
    assert not (tmp_path / "spot").exists()


def test_one_process_at_a_time(hub: Hub, tmp_path: Path) -> None:
    with incoming(tmp_path, "spot"), pytest.raises(UnusableModel, match="another process"):
        pulled(hub, tmp_path)
    pulled(hub, tmp_path)


# The first line: a shell that runs its tests in the background has its children ignore Ctrl-C.
KILLED = """
import signal; signal.signal(signal.SIGINT, signal.default_int_handler)
import sys
from pathlib import Path
from tests.model_server.test_catalogue import published
from model_server.networks import catalogue
origin = Path(sys.argv.pop(1))
hub = type("", (), {"files": {name: (origin / name).read_bytes() for name in ("config.json", "model.safetensors")}})
catalogue.CATALOGUE["spot"] = published(hub)
from model_server.cli import app
app()
"""


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_a_process_killed_in_the_middle_is_continued(hub: Hub, tmp_path: Path, by: signal.Signals) -> None:
    hub.hangs_after = 2_000_000
    environment = os.environ | {"SEGLOOP_MODELS_DIR": str(tmp_path / "m"), "SEGLOOP_MODEL_HUB_URL": hub.url}
    line = [sys.executable, "-c", KILLED, str(tmp_path / "origin" / "spot"), "models", "pull", "spot"]
    process = subprocess.Popen(line, cwd=REPOSITORY, env=environment, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: bytes_kept(tmp_path / "m", "spot") > 1_000_000, seconds=60, what="the first bytes")
    process.send_signal(by)
    _, said = process.communicate(timeout=120)
    assert process.returncode == (-9 if by == signal.SIGKILL else 130)
    assert by == signal.SIGKILL or "goes on from there" in said
    assert not (tmp_path / "m" / "spot").exists()
    hub.hangs_after = None
    hub.ranges.clear()
    folder = pulled(hub, tmp_path / "m")
    assert (folder / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    assert int(hub.ranges[0][1][6:-1]) > 1_000_000  # type: ignore[index]


def test_the_catalogue_is_whole() -> None:
    sizes = {"sam-vit": ["base", "large", "huge"], "sam2.1-hiera": ["tiny", "small", "base-plus", "large"]}
    assert list(CATALOGUE) == [f"{family}-{size}" for family, names in sizes.items() for size in names]
    for one in CATALOGUE.values():
        assert re.fullmatch(r"[0-9a-f]{40}", one.revision)
        assert [file.name for file in one.files] == ["config.json", "model.safetensors"]
        checksums = [one.official_sha256, *(file.sha256 for file in one.files if file.sha256)]
        assert all(re.fullmatch(r"[0-9a-f]{64}", checksum) for checksum in checksums)
    checksums = [file.sha256 for one in CATALOGUE.values() for file in one.files if file.sha256]
    assert len(set(checksums)) == len(checksums)
    with pytest.raises(PullFailed, match="known are sam-vit-base"):
        find_published("bert")


@pytest.mark.parametrize("name", ["../spot", ".hidden", "a/b", "", "x" * 101, "white space"])
def test_names_stay_in_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnusableModel) as caught:
        add(write_tiny(tmp_path / "origin", "spot", reach=(1.0, 2.0, 3.0)), tmp_path / "m", name)
    assert caught.value.code == "model_name_unusable"
    assert not (tmp_path / "m").exists()
