"""Import of photos over HTTP against plain Pillow on the same cores: `python tests/benchmarks/bench_import.py`.

Plain Pillow is a pool of as many processes as the server decodes with; each opens, decodes and shrinks a photo and
saves a WebP thumbnail. "whole" decodes all pixels, "draft" lets libjpeg skip detail a thumbnail does not need.
The import does that and more: takes the upload, hashes, checks, stores photo and thumbnail (synced), adds rows.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
FILES_PER_REQUEST = 25
REQUESTS_AT_ONCE = 2


def make_photos(folder: Path, count: int, size: tuple[int, int]) -> list[Path]:
    """Photos of natural smoothness, different bytes each; `size` is (width, height)."""
    rng = np.random.default_rng(0)
    encoded = []
    for number in range(8):
        image = Image.new("RGB", size)
        for scale, share in ((16, 1.0), (64, 0.5), (256, 0.3), (1024, 0.15)):
            layer = Image.fromarray(rng.integers(0, 255, (scale * 3 // 4, scale, 3), dtype=np.uint8))
            image = Image.blend(image, layer.resize(size, Image.Resampling.BICUBIC), share)
        path = folder / f"base-{number}.jpg"
        image.save(path, quality=90)
        encoded.append(path.read_bytes())
    photos = []
    for number in range(count):
        path = folder / f"photo-{number:05}.jpg"
        path.write_bytes(encoded[number % len(encoded)] + number.to_bytes(8))  # after the end: other bytes, same work
        photos.append(path)
    return photos


def plain_whole(path: Path) -> None:
    """Decodes all pixels, then shrinks."""
    with Image.open(path) as image:
        image.load()
        image.thumbnail((256, 256))
        image.save(path.with_suffix(".thumbnail"), "WEBP", quality=80)


def plain_draft(path: Path) -> None:
    """Lets libjpeg decode a fraction."""
    with Image.open(path) as image:
        image.thumbnail((256, 256))
        image.save(path.with_suffix(".thumbnail"), "WEBP", quality=80)


def plain_seconds(pool: Pool, work: Callable[[Path], None], photos: list[Path]) -> float:
    """Time for all photos."""
    started = time.perf_counter()
    for _ in pool.imap_unordered(work, photos, chunksize=4):
        pass
    return time.perf_counter() - started


def import_seconds(client: httpx.Client, project_id: int, photos: list[Path]) -> float:
    """Time until the server has acknowledged all photos."""

    def send(some: list[Path]) -> int:
        parts = [("files", (path.name, path.read_bytes())) for path in some]
        answer = client.post(f"/api/projects/{project_id}/images", files=parts)
        answer.raise_for_status()
        return len(answer.json()["created"])

    started = time.perf_counter()
    requests = [photos[start : start + FILES_PER_REQUEST] for start in range(0, len(photos), FILES_PER_REQUEST)]
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as senders:
        created = sum(senders.map(send, requests))
    seconds = time.perf_counter() - started
    if created != len(photos):
        sys.exit(f"{len(photos) - created} photos were not imported")
    return seconds


@contextmanager
def server(folder: Path, processes: int) -> Iterator[tuple[httpx.Client, int, int]]:
    """A fresh backend on SQLite: a client that may do everything, a project, the server's process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "SEGLOOP_DATA_DIR": str(folder),
        "SEGLOOP_DATABASE_URL": "",
        "SEGLOOP_STORAGE_URL": "",
        "SEGLOOP_DECODE_PROCESSES": str(processes),
    }
    token = prepare(folder)
    command = [sys.executable, "-m", "uvicorn", "backend.app:app", "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment)
    headers = {"Authorization": f"Bearer {token}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=600) as client:
            wait_until_ready(client)
            project = client.post("/api/projects", json={"name": "Import"})
            project.raise_for_status()
            yield client, project.json()["id"], process.pid
    finally:
        process.terminate()
        process.wait(20)


def prepare(folder: Path) -> str:
    """Migrates a database in `folder` and gives an administrator's token."""
    from alembic import command
    from alembic.config import Config

    from backend.auth import service as auth
    from backend.database import Database

    url = f"sqlite:///{folder}/segloop.sqlite3"
    config = Config(toml_file=str(REPOSITORY / "pyproject.toml"))
    config.attributes["database_url"] = url
    command.upgrade(config, "head")
    database = Database(url)
    with database.write() as session:
        user = auth.create_user(session, email="bench@example.org", name="bench", role="admin")
        _, token = auth.create_token(session, user, name="bench")
    database.close()
    return token


def wait_until_ready(client: httpx.Client) -> None:
    """Polls /readyz for at most 30 s."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    sys.exit("the server did not start")


def memory_mib(pid: int) -> tuple[float, float]:
    """Resident memory now and at its highest, in MiB."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024, int(fields["VmHWM"].split()[0]) / 1024


def main() -> None:
    """Measures batch by batch, so that all sides see the same machine; prints medians and spreads."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--photos", type=int, default=1000)
    options.add_argument("--batches", type=int, default=5)
    options.add_argument("--width", type=int, default=3000)
    options.add_argument("--processes", type=int, default=2)
    chosen = options.parse_args()
    size = (chosen.width, chosen.width * 2 // 3)
    with tempfile.TemporaryDirectory() as name, get_context("spawn").Pool(chosen.processes) as pool:
        photo_folder, data_folder = Path(name) / "photos", Path(name) / "data"
        photo_folder.mkdir()
        data_folder.mkdir()
        photos = make_photos(photo_folder, chosen.photos, size)
        mebibytes = statistics.mean(path.stat().st_size for path in photos) / (1 << 20)
        print(
            f"{len(photos)} JPEG photos of {size[0]} x {size[1]}, {mebibytes:.2f} MiB each, in {chosen.batches} batches"
        )
        with server(data_folder, chosen.processes) as (client, project_id, pid):
            measure(pool, client, project_id, pid, photos, chosen.batches)


def measure(pool: Pool, client: httpx.Client, project_id: int, pid: int, photos: list[Path], batches: int) -> None:
    """Runs all sides on each batch in turn and prints the result."""
    per_batch = len(photos) // batches
    rates: dict[str, list[float]] = {"plain, whole": [], "plain, draft": [], "import": []}
    pool.map(plain_draft, photos[:4])
    import_seconds(client, project_id, photos[:2])
    resting_mib, _ = memory_mib(pid)
    for number in range(batches):
        batch = photos[max(2, number * per_batch) : (number + 1) * per_batch]
        rates["plain, whole"].append(len(batch) / plain_seconds(pool, plain_whole, batch))
        rates["plain, draft"].append(len(batch) / plain_seconds(pool, plain_draft, batch))
        rates["import"].append(len(batch) / import_seconds(client, project_id, batch))
    for name, values in rates.items():
        print(f"{name:13} {summary(values)} photos/s")
    for name in ("plain, whole", "plain, draft"):
        ratios = [plain / ours for plain, ours in zip(rates[name], rates["import"], strict=True)]
        print(f"import takes  {summary(ratios)} x the time of {name}")
    now_mib, peak_mib = memory_mib(pid)
    print(f"web process   {resting_mib:.0f} MiB before, {now_mib:.0f} MiB after, {peak_mib:.0f} MiB at most")


def summary(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):7.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
