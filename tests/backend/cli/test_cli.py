"""The command line against a real server and worker of their own."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from sqlalchemy import select
from typer.testing import CliRunner

from backend.auth.tables import ApiToken
from backend.cli import app
from backend.database import Database
from tests.reliability.processes import Installation
from tests.running import REPOSITORY, free_port, wait_until

SEGLOOP = [sys.executable, "-c", "from backend.cli import app; app()"]
NOBODY = "http://127.0.0.1:9"
Result = subprocess.CompletedProcess[str]


def segloop(environment: dict[str, str], *arguments: str, stdin: str = "") -> Result:
    """Runs one command to its end in this process, which is quicker than in one of its own."""
    nothing = {name: None for name in os.environ if name.startswith("SEGLOOP_")}
    result = CliRunner().invoke(app, list(arguments), input=stdin, env=nothing | environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Result(arguments, result.exit_code, result.stdout, result.stderr)


def segloop_process(environment: dict[str, str], *arguments: str) -> Result:
    """Runs one command to its end as people start it."""
    result = subprocess.run(
        [*SEGLOOP, *arguments],
        env={name: value for name, value in os.environ.items() if not name.startswith("SEGLOOP_")} | environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "Traceback" not in result.stderr, result.stderr
    return result


def answer(result: Result) -> Any:
    """The JSON document of a command that went well."""
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def data(tmp_path: Path, database_url: str) -> dict[str, str]:
    """The settings of an installation with a migrated database; nothing runs."""
    return {
        "SEGLOOP_DATA_DIR": str(tmp_path / "data"),
        "SEGLOOP_DATABASE_URL": database_url,
        "SEGLOOP_PORT": str(free_port()),
        "SEGLOOP_MODEL_SERVER_URL": NOBODY,
    }


@pytest.fixture
def running(data: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """The same, with backend and worker running."""
    installation = Installation(data, int(data["SEGLOOP_PORT"]), tmp_path / "log.txt")
    installation.start("backend")
    installation.start("worker")
    try:
        installation.wait_until_ready()
        yield data
    finally:
        installation.stop()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder as people have them: pictures in folders, an archive, a note, litter, and a broken picture."""
    folder = tmp_path / "photos"
    (folder / "trip").mkdir(parents=True)
    (folder / ".thumbs").mkdir()
    for number, name in enumerate(("a.jpg", "trip/b.png", "trip/c.webp")):
        (folder / name).write_bytes(photo(number, name))
    (folder / ".thumbs" / "a.jpg").write_bytes(photo(0, "a.jpg"))
    (folder / "note.txt").write_text("not a picture")
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("d.png", photo(3, "d.png"))
    return folder


def photo(seed: int, name: str) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    file = BytesIO()
    Picture.fromarray(pixels).save(file, {"jpg": "JPEG"}.get(name[-3:], name.rsplit(".", 1)[1].upper()))
    return file.getvalue()


def tokens(environment: dict[str, str]) -> list[str]:
    database = Database(environment["SEGLOOP_DATABASE_URL"])
    with database.read() as session:
        names = list(session.scalars(select(ApiToken.name)))
    database.close()
    return names


def test_people_and_tokens_are_made_in_the_data_folder(tmp_path: Path) -> None:
    empty = {"SEGLOOP_DATA_DIR": str(tmp_path / "new")}
    added = answer(
        segloop(
            empty,
            "user",
            "add",
            "Ann@Example.org",
            "--role=admin",
            "--password-stdin",
            "--json",
            stdin="correct horse\n",
        )
    )
    assert added == {"id": 1, "email": "ann@example.org", "name": "ann", "role": "admin"}
    linked = answer(segloop(empty, "user", "add", "bo@example.org", "--role", "annotator", "--json"))
    assert "/sign-in?link=" in linked["sign_in_link"]
    shown = segloop(empty, "token", "ann@example.org", "--name", "script")
    assert (shown.returncode, shown.stdout.startswith("segloop_"), shown.stderr) == (0, True, "")


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "sentence"),
    [
        (["user", "add", "a@b.c", "--role", "king"], "", 2, "is not one of"),
        (["user", "add", "nobody", "--role", "admin"], "", 2, "is not an e-mail address"),
        (["user", "add", "a@b.c", "--role", "admin", "--password-stdin"], "short", 1, "at least 10 characters"),
        (["token", "nobody@example.org"], "", 1, "There is no user nobody@example.org."),
        (["project", "list"], "", 1, "Segloop does not answer at http://127.0.0.1:"),
        (["project", "list", "--url", "nonsense"], "", 1, "Segloop does not answer at nonsense."),
        (["import", "1", "/no/such/file"], "", 2, "does not exist"),
        (["export", "1", "--format", "coco", "--out", "/no/such/folder/x.zip"], "", 2, "There is no folder"),
        (["export", "1", "--format", "yolo", "--out", "x.zip"], "", 2, "is not one of"),
    ],
)
def test_failures_are_one_sentence(
    data: dict[str, str], arguments: list[str], stdin: str, code: int, sentence: str
) -> None:
    result = segloop(data | {"COLUMNS": "300"}, *arguments, stdin=stdin)
    assert (result.returncode, result.stdout) == (code, "")
    assert sentence in result.stderr


def test_a_wrong_setting_and_a_database_that_is_away_are_named(data: dict[str, str]) -> None:
    wrong = segloop_process(data | {"SEGLOOP_PORT": "many"}, "project", "list")
    assert (wrong.returncode, "SEGLOOP_PORT" in wrong.stderr) == (2, True)
    away = data | {"SEGLOOP_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:9/none"}
    result = segloop_process(away, "token", "a@b.c")
    assert (result.returncode, "The database does not answer" in result.stderr) == (1, True)


def test_from_a_folder_of_photos_to_an_archive(running: dict[str, str], photos: Path, tmp_path: Path) -> None:
    project = answer(segloop(running, "project", "create", "Trip", "--json"))
    first = answer(segloop(running, "import", "Trip", str(photos), "--json"))
    assert (first["added"], first["duplicates"], first["rejected"], first["ignored"]) == (4, 0, [], 1)
    again = answer(segloop(running, "import", str(project["id"]), str(photos), "--json"))
    assert (again["added"], again["duplicates"], again["rejected"]) == (0, 4, [])

    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    refused = segloop(running, "import", "Trip", str(photos / "broken.jpg"), str(photos / "note.txt"))
    assert refused.returncode == 1
    assert "Refused broken.jpg: " in refused.stderr
    assert "0 added, 0 already there, 2 refused" in refused.stdout

    listed = answer(segloop(running, "project", "list", "--json"))
    assert [(one["name"], one["image_count"]) for one in listed["items"]] == [("Trip", 4)]
    assert "Trip" in segloop(running, "project", "list").stdout

    for format_, member in (("coco", "annotations.json"), ("sa1b", "sa_1.json")):
        out = tmp_path / f"{format_}.zip"
        export = answer(segloop(running, "export", "Trip", "--format", format_, "--out", str(out), "--json"))
        assert (export["state"], export["image_count"], export["byte_size"]) == ("done", 4, out.stat().st_size)
        with zipfile.ZipFile(out) as archive:
            assert archive.testzip() is None
            assert member in archive.namelist()
    assert not list(tmp_path.glob("*.part"))
    assert tokens(running) == [], "the tokens made for the commands ended with them"


def test_a_name_that_is_no_utf8_is_imported(running: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / os.fsdecode(b"stra\xdfe.jpg")).write_bytes(photo(9, "a.jpg"))
    segloop(running, "project", "create", "Old")
    assert answer(segloop(running, "import", "Old", str(folder), "--json"))["added"] == 1


def test_a_proxy_is_not_asked_for_this_machine(running: dict[str, str]) -> None:
    answer(segloop(running | {"http_proxy": NOBODY, "no_proxy": ""}, "project", "list", "--json"))


def test_a_token_is_enough_and_its_rights_hold(running: dict[str, str], tmp_path: Path) -> None:
    segloop(running, "user", "add", "bo@example.org", "--role", "annotator")
    token = segloop(running, "token", "bo@example.org").stdout.strip()
    elsewhere = {
        "SEGLOOP_DATA_DIR": str(tmp_path / "elsewhere"),
        "SEGLOOP_URL": f"http://127.0.0.1:{running['SEGLOOP_PORT']}",
    }
    assert answer(segloop(elsewhere | {"SEGLOOP_TOKEN": token}, "project", "list", "--json"))["items"] == []
    refused = segloop(elsewhere, "project", "create", "Mine", "--token", token)
    assert (refused.returncode, refused.stderr) == (1, "Only administrators may do this.\n")
    without = segloop(elsewhere, "project", "list")
    assert (without.returncode, "--token or SEGLOOP_TOKEN" in without.stderr) == (1, True)
    unknown = segloop(elsewhere, "export", "None", "--format=coco", "--out=x.zip", "--token", token)
    assert (unknown.returncode, unknown.stderr.startswith("There is no project 'None'.")) == (1, True)


def test_ctrl_c_cancels_the_export_and_leaves_nothing(data: dict[str, str], tmp_path: Path) -> None:
    installation = Installation(data, int(data["SEGLOOP_PORT"]), tmp_path / "log.txt")
    installation.start("backend")  # and no worker: the export waits
    try:
        installation.wait_until_ready()
        answer(segloop(data, "project", "create", "Empty", "--json"))
        line = [*SEGLOOP, "export", "Empty", "--format", "coco", "--out", str(tmp_path / "x.zip")]
        process = subprocess.Popen(line, env=os.environ | data, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
        database = Database(data["SEGLOOP_DATABASE_URL"])

        def states() -> list[str]:
            with database.engine.connect() as connection:
                return [row[0] for row in connection.exec_driver_sql("SELECT state FROM jobs WHERE kind = 'export'")]

        def is_followed() -> bool:
            with urllib.request.urlopen(f"{installation.url}/metrics") as metrics:
                return b'/exports/{export_id}"' in metrics.read()

        wait_until(is_followed, seconds=180, what="a command that waits for its export")
        assert states() == ["queued"]
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=120)
        assert (process.returncode, stderr) == (130, "Stopped.\n")
        assert states() == ["cancelled"]
        database.close()
        assert not list(tmp_path.glob("x.zip*"))
    finally:
        installation.stop()
    assert tokens(data) == []


def test_the_doctor_names_what_is_broken(running: dict[str, str]) -> None:
    result = segloop(running, "doctor", "--json")
    found = {one["name"]: one for one in json.loads(result.stdout)}
    assert result.returncode == 1
    assert {name: one["ok"] for name, one in found.items()} == {
        "database": True,
        "storage": True,
        "disk": True,
        "broker": None,
        "model server": False,
        "click": None,
    }
    assert "model server" in found["model server"]["detail"]


def test_the_doctor_finds_a_whole_installation_well(
    data: dict[str, str], model_server_url: str, storage_dir: Path, photos: Path, tmp_path: Path
) -> None:
    whole = data | {"SEGLOOP_MODEL_SERVER_URL": model_server_url, "SEGLOOP_STORAGE_URL": str(storage_dir)}
    installation = Installation(whole, int(whole["SEGLOOP_PORT"]), tmp_path / "log.txt")
    installation.start("backend")
    try:
        installation.wait_until_ready()
        segloop(whole, "project", "create", "Trip")
        answer(segloop(whole, "import", "Trip", str(photos / "a.jpg"), "--json"))
        found = {one["name"]: one for one in answer(segloop(whole, "doctor", "--json"))}
        assert found["model server"]["detail"].startswith("device cpu; tiny-")
        assert "median" in found["click"]["detail"]
    finally:
        installation.stop()
