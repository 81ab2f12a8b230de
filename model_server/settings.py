"""Settings of the model server, read once from the environment (prefix SEGLOOP_)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an installation may choose. Sizes are in bytes; `model_threads` 0 means: choose by the machine."""

    data_dir: Path
    storage_url: str
    s3_endpoint: str | None
    model_device: str
    model_threads: int
    models: tuple[str, ...]
    models_dir: Path
    models_loaded: int
    model_hub_url: str
    detectors_dir: Path
    detectors_loaded: int
    embedding_dir: Path
    embedding_memory_bytes: int
    embedding_disk_bytes: int
    queue_limit: int
    max_pixels: int


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read SEGLOOP_* with defaults for one machine. The first of SEGLOOP_MODELS is the default model."""

    def text(name: str, default: str) -> str:
        return environment.get(f"SEGLOOP_{name}", "").strip() or default

    def number(name: str, default: int) -> int:
        raw = text(name, str(default))
        try:
            value = int(float(raw))
        except (ValueError, OverflowError):
            raise ValueError(f"SEGLOOP_{name} must be a number, not {raw!r}") from None
        if value < 0:
            raise ValueError(f"SEGLOOP_{name} must not be negative, but is {raw}")
        return value

    data_dir = Path(text("DATA_DIR", "data"))
    return Settings(
        data_dir=data_dir,
        storage_url=text("STORAGE_URL", str(data_dir / "blobs")),
        s3_endpoint=text("S3_ENDPOINT", "") or None,
        model_device=text("MODEL_DEVICE", "auto"),
        model_threads=number("MODEL_THREADS", 0),
        models=tuple(name.strip() for name in text("MODELS", "nano").split(",") if name.strip()),
        models_dir=Path(text("MODELS_DIR", str(data_dir / "models"))),
        # The default, the live one, and the one that was live before it: open images still ask that.
        models_loaded=max(1, number("MODELS_LOADED", 3)),
        detectors_dir=Path(text("DETECTORS_DIR", str(data_dir / "detectors"))),
        detectors_loaded=max(1, number("DETECTORS_LOADED", 2)),
        model_hub_url=text("MODEL_HUB_URL", "https://huggingface.co").rstrip("/"),
        embedding_dir=Path(text("EMBEDDING_DIR", str(data_dir / "embeddings"))),
        embedding_memory_bytes=number("EMBEDDING_MEMORY_BYTES", GIB // 4),
        embedding_disk_bytes=number("EMBEDDING_DISK_BYTES", 10 * GIB),
        queue_limit=max(1, number("QUEUE_LIMIT", 64)),
        max_pixels=number("MAX_PIXELS", 100_000_000),
    )
