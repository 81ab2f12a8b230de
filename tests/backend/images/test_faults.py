"""Decoders that die or hang, disks that fill up, and people who send the same photos at the same time."""

import os
import resource
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
import uvicorn
from fastapi.testclient import TestClient
from PIL import Image

from backend.images.files import Source
from backend.images.ingest import ingest_files
from backend.settings import Settings

Upload = Callable[..., dict[str, Any]]
Photo = Callable[..., bytes]


def decoders() -> list[psutil.Process]:
    """The decoding processes that run now."""
    found = []
    for child in psutil.Process().children():
        try:
            if "backend.images.decode" in child.cmdline():
                found.append(child)
        except psutil.Error:
            continue
    return found


def wait_for(is_true: Callable[[], bool]) -> None:
    """Polls for at most 120 s."""
    deadline = time.monotonic() + 120
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def slow_picture() -> bytes:
    """A picture that takes seconds to decode and make a derivative of."""
    file = BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (9_000, 9_000), dtype=np.uint8)
    Image.fromarray(noise).save(file, "PNG", compress_level=1)
    return file.getvalue()


class TestOneDecoder:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"decode_processes": 1})

    @pytest.mark.of_no_database
    def test_a_decoder_that_is_killed_costs_one_file(self, upload: Upload, photo: Photo) -> None:
        upload(("first.jpg", photo(1)))
        (decoder,) = decoders()
        before = decoder.cpu_times().user
        with ThreadPoolExecutor(1) as pool:
            files = [("slow.png", slow_picture()), ("good.jpg", photo(2))]
            answer = pool.submit(upload, *files)
            wait_for(lambda: decoder.cpu_times().user > before + 0.3)
            decoder.kill()
            result = answer.result()
        assert [(entry["file_name"], entry["code"]) for entry in result["rejected"]] == [("slow.png", "decode_failed")]
        assert [image["file_name"] for image in result["created"]] == ["good.jpg"]

    def test_a_decoder_that_died_while_idle_costs_nothing(self, upload: Upload, photo: Photo) -> None:
        upload(("first.jpg", photo(1)))
        (decoder,) = decoders()
        decoder.kill()
        decoder.wait(10)
        assert len(upload(("second.jpg", photo(2)))["created"]) == 1

    def test_the_decoders_end_with_the_app(
        self, app_client: TestClient, client: TestClient, upload: Upload, photo: Photo
    ) -> None:
        upload(("first.jpg", photo(1)))
        assert len(decoders()) == 1
        app_client.__exit__(None, None, None)
        try:
            assert decoders() == []
        finally:
            app_client.__enter__()


class TestLittleTime:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        # The time for the next decoder to start is part of it.
        return settings.model_copy(update={"decode_processes": 1, "decode_timeout_seconds": 10.0})

    @pytest.mark.of_no_database
    def test_a_decoder_that_hangs_is_ended(self, upload: Upload, photo: Photo) -> None:
        upload(("first.jpg", photo(1)))
        (decoder,) = decoders()
        decoder.suspend()
        answer = upload(("one.jpg", photo(2)), ("other.jpg", photo(3)))
        # Either may be the one that meets the stopped decoder.
        assert [entry["code"] for entry in answer["rejected"]] == ["decode_failed"]
        names = [answer["rejected"][0]["file_name"], *(image["file_name"] for image in answer["created"])]
        assert sorted(names) == ["one.jpg", "other.jpg"]
        assert not decoder.is_running()


class TestLittleMemory:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"decode_memory_bytes": 400 << 20})

    def test_a_picture_that_takes_too_much_memory(self, upload: Upload, photo: Photo) -> None:
        picture = Image.new("RGB", (9_000, 9_000))
        file = BytesIO()
        picture.save(file, "PNG", compress_level=1)
        answer = upload(("large.png", file.getvalue()), ("good.jpg", photo(1)))
        assert [entry["code"] for entry in answer["rejected"]] == ["decode_failed"]
        assert len(answer["created"]) == 1


def test_the_same_photos_sent_at_the_same_time_are_kept_once(
    client: TestClient, project_id: int, upload: Upload, photo: Photo, stored: Callable[[], set[str]]
) -> None:
    files = [(f"{n}.jpg", photo(n)) for n in range(6)]
    parts = [("files", file) for file in files]
    start = threading.Barrier(4)

    def send(_: int) -> dict[str, Any]:
        start.wait()
        response = client.post(f"/api/projects/{project_id}/images", files=parts)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
    created = [image for answer in answers for image in answer["created"]]
    assert sorted(image["file_name"] for image in created) == sorted(name for name, _ in files)
    assert [entry for answer in answers for entry in answer["rejected"]] == []
    duplicates = [entry["image_id"] for answer in answers for entry in answer["duplicates"]]
    assert sorted(duplicates) == sorted([image["id"] for image in created] * 3)
    assert client.get(f"/api/projects/{project_id}/images").json()["total"] == 6
    assert len(stored()) == 12


def test_an_upload_that_breaks_off_leaves_nothing(
    app_client: TestClient, make_person: Callable[..., Any], project_id: int, settings: Settings
) -> None:
    server = uvicorn.Server(uvicorn.Config(app_client.app, port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started)
        head = f"POST /api/projects/{project_id}/images HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n"
        head += f"Authorization: {make_person('admin').headers['Authorization']}\r\n"
        head += "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        head += '--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
        incoming = settings.data_dir / "incoming"
        with socket.create_connection(server.servers[0].sockets[0].getsockname()) as connection:
            connection.sendall(head.encode() + bytes(2 << 20))
            wait_for(lambda: any(path.stat().st_size for path in incoming.glob("*/file-0")))
        wait_for(lambda: list(incoming.iterdir()) == [])
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def files_of_at_most() -> Iterator[Callable[[int], None]]:
    """Lets no file grow beyond so many bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def large_photo() -> bytes:
    pixels = np.random.default_rng(5).integers(0, 255, (1500, 1500, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    return file.getvalue()


def test_no_space_for_the_upload(
    client: TestClient,
    project_id: int,
    send: Callable[..., httpx.Response],
    photo: Photo,
    stored: Callable[[], set[str]],
    nothing_half_written: Callable[[], None],
    files_of_at_most: Callable[[int], None],
) -> None:
    data = large_photo()
    assert len(data) > 2 << 20
    files_of_at_most(2 << 20)
    refused = send(("small.jpg", photo()), ("large.jpg", data))
    files_of_at_most(resource.RLIM_INFINITY)
    assert (refused.status_code, refused.json()["error"]["code"]) == (507, "storage_full")
    nothing_half_written()
    assert stored() == set()
    assert len(send(("small.jpg", photo()), ("large.jpg", data)).json()["created"]) == 2


def test_no_space_for_the_pictures(
    client: TestClient,
    project_id: int,
    photo: Photo,
    tmp_path: Path,
    nothing_half_written: Callable[[], None],
    files_of_at_most: Callable[[int], None],
) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(large_photo())
    resources = client.app.state.resources  # type: ignore[attr-defined]
    files_of_at_most(2 << 20)
    with pytest.raises(OSError, match="File too large"):
        ingest_files(resources, project_id, None, [Source("large.jpg", path)])
    files_of_at_most(resource.RLIM_INFINITY)
    nothing_half_written()
    assert client.get(f"/api/projects/{project_id}/images").json()["total"] == 0
    assert path.exists()
    assert len(ingest_files(resources, project_id, None, [Source("large.jpg", path)]).created) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk takes root")
class TestSmallDisk:
    @pytest.fixture(params=["storage", "data"])
    def disk(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
        folder = tmp_path / str(request.param)
        folder.mkdir(exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
        if subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip("no disk can be mounted here")
        yield folder
        subprocess.run(["umount", "--lazy", str(folder)], check=True)

    @pytest.fixture
    def settings(self, settings: Settings, disk: Path) -> Settings:
        return settings

    def test_a_full_disk_loses_nothing(
        self,
        client: TestClient,
        project_id: int,
        send: Callable[..., httpx.Response],
        photo: Photo,
        nothing_half_written: Callable[[], None],
        disk: Path,
    ) -> None:
        (kept,) = send(("kept.jpg", photo(1))).json()["created"]
        refused = send(*[(f"{n}.bmp.png", large_photo() + bytes([n])) for n in range(3)])
        assert (refused.status_code, refused.json()["error"]["code"]) == (507, "storage_full")
        nothing_half_written()
        page = client.get(f"/api/projects/{project_id}/images").json()
        assert [image["id"] for image in page["items"]] == [kept["id"]]
        assert client.get(f"/api/images/{kept['id']}/file").content == photo(1)
