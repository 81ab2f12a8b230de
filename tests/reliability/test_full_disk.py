"""A disk that is really full (a small tmpfs): saving says so, keeps all it had, and goes on when there is room."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import urllib3
from sqlalchemy import select, text

from backend.annotations.tables import Annotation
from backend.auth import service as auth
from backend.database import Database
from backend.images.tables import Image
from backend.projects.service import create_project
from model_server.contract import masks
from tests.reliability.processes import Installation
from tests.running import free_port, migrate

HEIGHT, WIDTH = 300, 300
DISK = "4m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(line, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def image_id(small_disk: Path) -> int:
    database = Database(f"sqlite:///{small_disk}/segloop.sqlite3")
    migrate(database.url)
    admin = auth.ensure_first_admin(database)
    with database.write() as session:
        project_id = create_project(session, name="Small", description="", created_by=admin.id).id
        image = Image(
            project_id=project_id,
            sha256="0" * 64,
            file_name="a.png",
            height=HEIGHT,
            width=WIDTH,
            format="PNG",
            byte_size=1,
            is_plain=True,
        )
        session.add(image)
        session.flush()
        image_id = int(image.id)
    database.close()
    return image_id


def noisy_mask() -> dict[str, Any]:
    """About 80 kB as a string."""
    return dict(masks.encode(np.random.default_rng().random((HEIGHT, WIDTH)) > 0.5))


def test_a_full_disk_loses_nothing(small_disk: Path, image_id: int, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{small_disk}/segloop.sqlite3")
    with database.write() as session:
        _, token = auth.create_token(session, auth.get_user(session, 1), name="test")
    database.close()
    (small_disk / "ballast").write_bytes(bytes(1 << 20))
    environment = {"SEGLOOP_DATA_DIR": str(small_disk), "SEGLOOP_DATABASE_URL": "", "SEGLOOP_STORAGE_URL": ""}
    installation = Installation(environment, free_port(), tmp_path / "log.txt")
    installation.start("backend")
    http, headers = urllib3.PoolManager(), {"Authorization": f"Bearer {token}"}

    def save() -> urllib3.BaseHTTPResponse:
        url = f"{installation.url}/api/images/{image_id}/annotations"
        return http.request("POST", url, json={"rle": noisy_mask()}, headers=headers)

    try:
        installation.wait_until_ready()
        acknowledged: list[int] = []
        for _ in range(200):
            answer = save()
            if answer.status != 201:
                break
            acknowledged.append(answer.json()["id"])
        assert (answer.status, answer.json()["error"]["code"]) == (507, "storage_full")
        assert acknowledged
        listed = http.request("GET", f"{installation.url}/api/images/{image_id}/annotations", headers=headers)
        assert [one["id"] for one in listed.json()["items"]] == acknowledged
        (small_disk / "ballast").unlink()
        acknowledged.append(save().json()["id"])
    finally:
        installation.stop()
    database = Database(f"sqlite:///{small_disk}/segloop.sqlite3")
    with database.read() as session:
        assert session.scalar(text("PRAGMA integrity_check")) == "ok"
        assert set(acknowledged) <= set(session.scalars(select(Annotation.id)))
    database.close()
