"""Exporting 100,000 masks: rate and peak memory of the worker process, for both formats.

A real worker process works through the export jobs of a SQLite database full of synthetic masks (blobs of a few hundred
bytes of RLE, with prompts and a proposal, as people's are). Run it by `make bench` or
`python -m tests.benchmarks.bench_export [masks] [masks per image]`; prints a table and a JSON line.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from sqlalchemy import insert, select

from backend.annotations.tables import Annotation
from backend.auth import service as auth
from backend.database import Database
from backend.exports.service import create_export
from backend.exports.tables import Export
from backend.images.tables import Image
from backend.projects.service import create_project
from model_server.contract import masks
from tests.running import REPOSITORY, migrate

MASKS, MASKS_PER_IMAGE = 100_000, 20
HEIGHT, WIDTH = 768, 1024
SHAPES = 200
ROWS_AT_ONCE = 2000
MEMORY_LIMIT_BYTES = 300e6


def shapes() -> list[dict[str, Any]]:
    """Wavy blobs of many sizes, as rows' columns."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    made = []
    for _ in range(SHAPES):
        y, x, radius = rng.uniform(100, 600), rng.uniform(100, 900), rng.uniform(10, 200)
        angle = np.arctan2(rows - y, columns - x)
        wave = 1 + 0.2 * np.sin(rng.integers(3, 30) * angle)
        rle = masks.encode(np.hypot(rows - y, columns - x) < radius * wave)
        proposal = {"rle": rle, "predicted_iou": 0.9, "stability_score": 0.95}
        made.append(
            {
                "counts": rle["counts"],
                "area": masks.area(rle),
                "bbox_xywh": masks.bbox_xywh(rle),
                "prompts": [{"type": "point", "x": x, "y": y, "label": 1, "candidate": None}] * 3,
                "proposal": proposal,
            }
        )
    return made


def fill(database: Database, mask_count: int, masks_per_image: int) -> int:
    """A project with that many masks; gives its id."""
    admin = auth.ensure_first_admin(database)
    with database.write() as session:
        project_id = create_project(session, name="Bench", description="", created_by=admin.id).id
        for chunk in _chunks(_images(project_id, mask_count // masks_per_image)):
            session.execute(insert(Image), chunk)
    with database.read() as session:
        image_ids = list(session.scalars(select(Image.id)))
    for chunk in _chunks(_masks(project_id, image_ids, masks_per_image)):
        with database.write() as session:
            session.execute(insert(Annotation), chunk)
    return project_id


def _images(project_id: int, count: int) -> Iterator[dict[str, Any]]:
    facts = {"project_id": project_id, "width": WIDTH, "height": HEIGHT, "format": "JPEG", "byte_size": 1}
    for number in range(count):
        yield {**facts, "sha256": f"{number:064x}", "file_name": f"{number:08d}.jpg", "is_plain": True}


def _masks(project_id: int, image_ids: list[int], masks_per_image: int) -> Iterator[dict[str, Any]]:
    made, choose = shapes(), random.Random(0)
    facts = {
        "project_id": project_id,
        "height": HEIGHT,
        "width": WIDTH,
        "state": "accepted",
        "origin": "model",
        "stage": "assisted_manual",
        "model_version": "nano-00000000",
        "clicks": 3,
        "active_seconds": 12.5,
        "candidate": 0,
    }
    for image_id in image_ids:
        for _ in range(masks_per_image):
            yield {**facts, "image_id": image_id, **choose.choice(made)}


def _chunks(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == ROWS_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def measure(database: Database, folder: Path, project_id: int, format_: str) -> dict[str, Any]:
    """Runs one export in a fresh worker; its seconds (by the job's own clock), size and peak memory."""
    with database.write() as session:
        arguments = {"export_format": format_, "include_images": False, "created_by": 1}
        export_id = create_export(session, project_id, **arguments).id  # type: ignore[arg-type]
    environment = os.environ | {"SEGLOOP_DATA_DIR": str(folder)}
    worker = psutil.Popen(
        [sys.executable, "-m", "backend.worker"], env=environment, cwd=REPOSITORY, stderr=subprocess.DEVNULL
    )
    start_bytes = peak_bytes = 0
    try:
        while True:
            peak_bytes = max(peak_bytes, worker.memory_info().rss)
            with database.read() as session:
                export = session.get_one(Export, export_id)
                assert export.job is not None
                if export.job.state == "running" and not start_bytes:
                    start_bytes = worker.memory_info().rss
                if export.job.state not in ("queued", "running"):
                    break
            time.sleep(0.05)
    finally:
        worker.terminate()
        worker.wait(20)
    job = export.job
    assert job.state == "done", job.error
    assert job.finished_at is not None
    assert job.started_at is not None
    seconds = (job.finished_at - job.started_at).total_seconds()
    return {
        "format": format_,
        "masks": export.mask_count,
        "images": export.image_count,
        "seconds": round(seconds, 1),
        "masks_per_second": round((export.mask_count or 0) / seconds),
        "zip_mb": round((export.byte_size or 0) / 1e6, 1),
        "worker_start_mb": round(start_bytes / 1e6),
        "worker_peak_mb": round(peak_bytes / 1e6),
        "is_within_limit": peak_bytes <= MEMORY_LIMIT_BYTES,
    }


def main() -> None:
    """Prints a line for each format."""
    mask_count = int(sys.argv[1]) if len(sys.argv) > 1 else MASKS
    masks_per_image = int(sys.argv[2]) if len(sys.argv) > 2 else MASKS_PER_IMAGE
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        migrate(f"sqlite:///{folder}/segloop.sqlite3")
        database = Database(f"sqlite:///{folder}/segloop.sqlite3")
        project_id = fill(database, mask_count, masks_per_image)
        results = [measure(database, folder, project_id, format_) for format_ in ("coco", "sa1b")]
        database.close()
    for result in results:
        print("  ".join(f"{key} {value}" for key, value in result.items()))
    print(json.dumps({"export": results}))


if __name__ == "__main__":
    main()
