"""The demo project of a first start: photos that come with scikit-image, sent in as a program would send them.

`python -m backend.demo` talks to the running backend over HTTP with a token that ends with it.
"""

import importlib.util
import sys
import time
from pathlib import Path

import httpx

from backend.auth.service import create_token, ensure_first_admin, revoke_token
from backend.auth.tables import User
from backend.database import Database
from backend.settings import Settings

NAME = "Demo"
CATEGORIES = ("animal", "thing")
# Only photos that scikit-image's own documentation says are free; the sentence is shown with the project.
PHOTOS = {
    "chelsea.png": "Chelsea the cat by Stefan van der Walt, CC0",
    "coffee.png": "coffee cup by Rachel Michetti, courtesy of Pikolo Espresso Bar, CC0",
    "astronaut.png": "Eileen Collins, NASA, public domain",
    "rocket.jpg": "Falcon 9 with DSCOVR, SpaceX, public domain",
    "coins.png": "Greek coins from Pompeii, Brooklyn Museum, no known copyright restrictions",
    "retina.jpg": "human retina by Mikael Häggström, CC0",
}
REQUEST_SECONDS = 120.0
EMBEDDING_SECONDS = 180.0
POLL_SECONDS = 0.2


def find_photos() -> list[Path]:
    """The photos of PHOTOS on this machine; none without scikit-image, which is located but not imported."""
    package = importlib.util.find_spec("skimage")
    if package is None or not package.submodule_search_locations:
        return []
    folder = Path(package.submodule_search_locations[0]) / "data"
    return [folder / name for name in PHOTOS if (folder / name).is_file()]


def describe(photos: list[Path]) -> str:
    """The project's description with the photos' authors and licences."""
    credits_ = "; ".join(f"{photo.name}: {PHOTOS[photo.name]}" for photo in photos)
    return f"Photos to try things out with, from scikit-image's sample data. {credits_}."


def make_demo(client: httpx.Client, photos: list[Path]) -> int:
    """Makes the project with its categories and photos; returns its id. Raises httpx.HTTPError."""
    project = _post(client, "/api/projects", json={"name": NAME, "description": describe(photos)}).json()
    project_id: int = project["id"]
    for name in CATEGORIES:
        _post(client, f"/api/projects/{project_id}/categories", json={"name": name})
    files = [("files", (photo.name, photo.read_bytes())) for photo in photos]
    _post(client, f"/api/projects/{project_id}/images", files=files)
    return project_id


def wait_for_embeddings(client: httpx.Client, project_id: int) -> bool:
    """Waits until none of the project's jobs is open; False when that takes too long."""
    deadline = time.monotonic() + EMBEDDING_SECONDS
    shown = ""
    while time.monotonic() < deadline:
        answer = client.get(f"/api/projects/{project_id}/jobs", params={"limit": 200}).raise_for_status()
        jobs = answer.json()["items"]
        open_jobs = [job for job in jobs if job["state"] in ("queued", "running")]
        if not open_jobs:
            return all(job["state"] == "done" for job in jobs)
        progress = [job["progress"] for job in open_jobs]
        text = f"{sum(p['done'] for p in progress)} of {sum(p['total'] for p in progress)} embeddings made"
        if text != shown and progress[0]["total"]:
            _say(text)
            shown = text
        time.sleep(POLL_SECONDS)
    return False


def main() -> int:
    """Makes the demo project in the installation of the environment's settings; returns the exit status."""
    photos = find_photos()
    if not photos:
        _say("no demo project: its photos come with scikit-image, which is not installed (`make install`)")
        return 0
    settings = Settings()
    database = Database(settings.resolved_database_url)
    admin = ensure_first_admin(database)
    with database.write() as session:
        row, token = create_token(session, session.get_one(User, admin.id), name="demo project")
    headers = {"Authorization": f"Bearer {token}"}
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    try:
        # trust_env: a proxy of the environment is not for this machine.
        with httpx.Client(
            base_url=f"http://{host}:{settings.port}", headers=headers, timeout=REQUEST_SECONDS, trust_env=False
        ) as client:
            project_id = make_demo(client, photos)
            is_ready = wait_for_embeddings(client, project_id)
    except httpx.HTTPError as error:
        _say(f"the demo project could not be made: {error}")
        return 1
    finally:
        with database.write() as session:
            revoke_token(session, admin.id, row.id)
    _say(f"project {NAME} with {len(photos)} photos" + ("" if is_ready else "; their embeddings are still being made"))
    return 0


def _post(client: httpx.Client, path: str, **content: object) -> httpx.Response:
    return client.post(path, **content).raise_for_status()  # type: ignore[arg-type]


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the supervisor shows it


if __name__ == "__main__":
    sys.exit(main())
