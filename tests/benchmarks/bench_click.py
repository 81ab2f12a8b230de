"""A click over HTTP through backend and model server against the same decode in process.

Three real processes (load, backend, model server) on one machine; every click is a new prompt on a cached embedding, so
no memo answers it. Also the first click on images whose embedding was made ahead. Paced: each of eight people clicks
about every `PACE_SECONDS`, as a fast person would. Run it by `make bench` or `python -m tests.benchmarks.bench_click`;
prints a table and a JSON line.
"""

import http.client
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import PIL.Image
import psutil
import urllib3

from backend.auth import service as auth
from backend.database import Database
from tests.running import REPOSITORY, answers, free_port, migrate, wait_until

CLICKS = 200
PACE_SECONDS = 1.0
PREFETCHED = 40
PHOTO = Path(find_spec("skimage").submodule_search_locations[0]) / "data" / "chelsea.png"  # type: ignore[union-attr,index]


@contextmanager
def servers(folder: Path) -> Iterator[tuple[dict[str, str], dict[str, str], dict[str, psutil.Process]]]:
    """The two servers as `segloop up` starts them: addresses, an administrator's headers, and their processes."""
    ports = {"backend": free_port(), "model_server": free_port()}
    environment = os.environ | {
        "SEGLOOP_DATA_DIR": str(folder),
        "SEGLOOP_MODEL_SERVER_URL": f"http://127.0.0.1:{ports['model_server']}",
    }
    database_url = f"sqlite:///{folder}/segloop.sqlite3"
    migrate(database_url)
    database = Database(database_url)
    admin = auth.ensure_first_admin(database)
    with database.write() as session:
        _, token = auth.create_token(session, admin, name="bench")
    database.close()
    started = {}
    try:
        for name, port in ports.items():
            line = [sys.executable, "-m", "uvicorn", f"{name}.app:app", "--port", str(port), "--no-access-log"]
            started[name] = psutil.Popen(line, env=environment, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
        addresses = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        for name, address in addresses.items():
            wait_until(partial(answers, f"{address}/readyz"), seconds=60, what=name)
            print(f"{name} ready after {time.time() - started[name].create_time():.1f} s")
        yield addresses, {"Authorization": f"Bearer {token}"}, started
    finally:
        for process in started.values():
            process.terminate()
            process.wait(10)


def upload(address: str, headers: dict[str, str], count: int) -> list[dict[str, Any]]:
    """A project with `count` images: the photo, each time cut a little narrower."""
    photo = PIL.Image.open(PHOTO).convert("RGB")
    fields = []
    for number in range(count):
        file = io.BytesIO()
        photo.crop((0, 0, photo.width - number, photo.height)).save(file, "PNG")
        fields.append(("files", (f"{number}.png", file.getvalue())))
    manager = urllib3.PoolManager()
    project = manager.request("POST", f"{address}/api/projects", json={"name": "Bench"}, headers=headers).json()
    url = f"{address}/api/projects/{project['id']}/images"
    images: list[dict[str, Any]] = manager.request("POST", url, fields=fields, headers=headers).json()["created"]
    return images


def peak_mib(process: psutil.Process) -> float:
    """The most memory the process has held, from the kernel (VmHWM)."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


class ThinClient:
    """One kept connection a thread, straight on the standard library: the client's own share must stay small."""

    def __init__(self, address: str, headers: dict[str, str]) -> None:
        self._host = address.removeprefix("http://")
        self._headers = headers | {"Content-Type": "application/json"}
        self._of_thread = threading.local()

    def post(self, path: str, body: dict[str, Any]) -> None:
        """Sends and reads the whole answer."""
        if not hasattr(self._of_thread, "connection"):
            self._of_thread.connection = http.client.HTTPConnection(self._host)
        connection = self._of_thread.connection
        connection.request("POST", path, json.dumps(body), self._headers)
        answer = connection.getresponse()
        data = answer.read()
        assert answer.status == 200, data


def new_click(image: dict[str, Any]) -> dict[str, Any]:
    """A foreground point nobody has asked for yet."""
    x, y = random.uniform(1, image["width"] - 1), random.uniform(1, image["height"] - 1)
    return {"type": "point", "x": x, "y": y, "label": 1}


def timed(call: Callable[[], object], count: int, *, pace_seconds: float = 0.0) -> list[float]:
    """Milliseconds of `count` calls, one about every `pace_seconds`."""
    milliseconds = []
    for _ in range(count):
        time.sleep(random.uniform(0.5, 1.5) * pace_seconds)
        started = time.perf_counter()
        call()
        milliseconds.append((time.perf_counter() - started) * 1e3)
    return milliseconds


def annotators(call: Callable[[], object], number: int, count: int) -> list[float]:
    """`number` people clicking at once, `count` clicks each."""
    results: list[list[float]] = []

    def click() -> None:
        results.append(timed(call, count, pace_seconds=PACE_SECONDS if number > 1 else 0.02))

    threads = [threading.Thread(target=click) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [one for result in results for one in result]


def in_process(folder: Path, image: dict[str, Any]) -> Callable[[], object]:
    """The same prompt to RLE in this process: engine, predictor and cache as the model server has them."""
    from model_server.contract.geometry import PointPrompt
    from model_server.engine import Engine
    from model_server.predict import Predictor
    from model_server.settings import read_settings

    os.environ["SEGLOOP_DATA_DIR"] = str(folder)
    engine = Engine(read_settings())
    engine.warm_up()
    predictor = Predictor(engine)

    def click() -> object:
        prompt = new_click(image)
        point = PointPrompt(x=prompt["x"], y=prompt["y"], label=1)
        return predictor.submit(image["sha256"], (image["height"], image["width"]), [point]).result()

    return click


def summary(milliseconds: list[float]) -> dict[str, float]:
    """Median, quartiles and tail."""
    ordered = sorted(milliseconds)
    quarters = statistics.quantiles(ordered, n=4)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return {"n": len(ordered), "median": quarters[1], "p25": quarters[0], "p75": quarters[2], "p99": p99}


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with servers(folder) as (addresses, headers, processes):
            image, *prefetched = upload(addresses["backend"], headers, 1 + PREFETCHED)
            manager = urllib3.PoolManager()
            client = ThinClient(addresses["backend"], headers)

            def click(image: dict[str, Any] = image) -> None:
                client.post(f"/api/images/{image['id']}/predict", {"prompts": [new_click(image)]})

            first = timed(click, 1)[0]
            for one in prefetched:
                manager.request("POST", f"{addresses['model_server']}/embed", json={"image_sha256": one["sha256"]})
            reference_click = in_process(folder, image)
            client = ThinClient(addresses["backend"], headers)  # the server has closed the idle connection meanwhile
            timed(click, 20)
            timed(reference_click, 20)
            # Interleaved in short turns, so that a busy moment of the machine meets both. Back to back the cores stay
            # awake; paced, every process on the way is woken from idle, which a virtual machine pays for dearly.
            turns: dict[str, list[float]] = {"in process": [], "1 annotator": [], "paced in process": [], "1 paced": []}
            for _ in range(10):
                turns["in process"] += timed(reference_click, CLICKS // 10)
                turns["1 annotator"] += timed(click, CLICKS // 10)
                turns["paced in process"] += timed(reference_click, CLICKS // 10, pace_seconds=0.02)
                turns["1 paced"] += timed(click, CLICKS // 10, pace_seconds=0.02)
            opened = [timed(partial(click, one), 1, pace_seconds=0.02)[0] for one in prefetched]
            eight = annotators(click, 8, CLICKS // 8)
            memory = {name: round(peak_mib(process)) for name, process in processes.items()}
    rows = {label: summary(milliseconds) for label, milliseconds in turns.items()}
    rows |= {"8 annotators": summary(eight), "first, prefetched": summary(opened)}
    for label, row in rows.items():
        base = rows["in process" if label in ("in process", "1 annotator") else "paced in process"]
        ratios = f"median x{row['median'] / base['median']:.2f}  p99 x{row['p99'] / base['p99']:.2f}"
        spread = f"p25-p75 {row['p25']:.1f}-{row['p75']:.1f}  p99 {row['p99']:.1f}"
        print(f"{label:18} median {row['median']:6.1f} ms  {spread}  {ratios}")
    print(f"first click, embedding included: {first:.0f} ms; peak memory MiB: {memory}")
    print(json.dumps({"click": rows, "first_click_ms": first, "peak_memory_mib": memory}))


if __name__ == "__main__":
    main()
