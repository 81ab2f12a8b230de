"""Uploading as a browser does, pictures to upload, and a look at what stayed on the disk."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from backend.settings import Settings

File = tuple[str, bytes]


def encode(image: Image.Image, format_: str = "PNG", **options: Any) -> bytes:
    """The bytes of a picture file."""
    file = BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def noise(seed: int = 0, size_hw: tuple[int, int] = (48, 64)) -> Image.Image:
    """A picture like no other seed's."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8))
    return coarse.resize(size_hw[::-1], Image.Resampling.BICUBIC)


@pytest.fixture
def photo() -> Callable[..., bytes]:
    """`photo(seed, format_="JPEG", size_hw=(48, 64), **options)`: the bytes of a picture file."""

    def make(seed: int = 0, format_: str = "JPEG", *, size_hw: tuple[int, int] = (48, 64), **options: Any) -> bytes:
        return encode(noise(seed, size_hw), format_, **options)

    return make


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """As elsewhere, but with a storage of its own: these tests look at what is stored."""
    return settings.model_copy(update={"storage_url": str(tmp_path / "storage")})


@pytest.fixture
def send(client: TestClient, project_id: int) -> Callable[..., httpx.Response]:
    """Posts files to the project."""

    def post(*files: File, to: int | None = None) -> httpx.Response:
        parts = [("files", (name, data, "application/octet-stream")) for name, data in files]
        return client.post(f"/api/projects/{to or project_id}/images", files=parts)

    return post


@pytest.fixture
def upload(send: Callable[..., httpx.Response], settings: Settings) -> Callable[..., dict[str, Any]]:
    """Posts files and gives the answer; nothing temporary may stay behind."""

    def post(*files: File, to: int | None = None) -> dict[str, Any]:
        response = send(*files, to=to)
        assert response.status_code == 200, response.text
        assert_nothing_half_written(settings)
        answer: dict[str, Any] = response.json()
        assert all(entry["reason"].endswith(".") for entry in answer["rejected"])
        return answer

    return post


def assert_nothing_half_written(settings: Settings) -> None:
    """No temporary file is left of any import, and no part of a blob."""
    assert list((settings.data_dir / "incoming").glob("*")) == []
    assert [path for path in Path(settings.storage_url).rglob(".part-*") if path.is_file()] == []


@pytest.fixture
def stored(settings: Settings) -> Callable[[], set[str]]:
    """Keys of all blobs in the storage."""

    def look() -> set[str]:
        root = Path(settings.storage_url)
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    return look


@pytest.fixture
def nothing_half_written(settings: Settings) -> Callable[[], None]:
    """Asserts that no temporary file and no part of a blob is left."""
    return lambda: assert_nothing_half_written(settings)
