"""Small real models and images for the model server's tests."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from model_server.contract.blobs import image_key, open_store
from model_server.engine import Engine
from model_server.settings import Settings, read_settings


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder holding one tiny model, `spot`."""
    return write_tiny(tmp_path_factory.mktemp("models"), "spot", reach=(4.0, 9.0, 16.0)).parent


def write_tiny(models_dir: Path, name: str, *, reach: tuple[float, ...], scale: float = 1.0) -> Path:
    folder = models_dir / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "segloop_tiny"}))
    save_file(
        {"encoder.scale": torch.full((3,), scale), "decoder.reach": torch.tensor(reach)}, folder / "model.safetensors"
    )
    return folder


@pytest.fixture
def settings(tmp_path: Path, tiny_folder: Path) -> Settings:
    return read_settings(
        {
            "SEGLOOP_DATA_DIR": str(tmp_path),
            "SEGLOOP_MODELS_DIR": str(tiny_folder),
            "SEGLOOP_MODELS": "spot",
            "SEGLOOP_MODEL_DEVICE": "cpu",
            "SEGLOOP_MODEL_THREADS": "1",
        }
    )


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = Engine(settings)
    yield engine
    engine.close()


@pytest.fixture
def put_image(settings: Settings) -> Callable[..., str]:
    """Store a picture of a bright disc on dark ground; its sha256."""

    def put(size_hw: tuple[int, int] = (96, 128), *, seed: int = 0) -> str:
        return put_bytes(settings, disc_png(size_hw, seed=seed))

    return put


def put_bytes(settings: Settings, data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    open_store(settings.storage_url).put(image_key(sha256), data)
    return sha256


def disc_png(size_hw: tuple[int, int], *, seed: int = 0) -> bytes:
    from io import BytesIO

    height, width = size_hw
    rows, columns = np.mgrid[0:height, 0:width]
    disc = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 < (min(size_hw) / 4) ** 2
    pixels = np.where(disc[..., None], [230, 200, 40], [20, 30, 60]).astype(np.uint8)
    pixels[0, 0] = seed % 256
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
