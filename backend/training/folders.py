"""A snapshot as a folder that trainers read: annotations.json, and pictures linked or copied from the store."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backend.errors import Conflict
from backend.exports.outgoing import named_faults
from backend.jobs.runner import JobRun
from backend.storage import BlobNotFound, BlobStore, image_key
from backend.training.frozen import is_yardstick
from backend.training.snapshots import file_key, read_entries
from backend.training.tables import Snapshot


def write_folder(run: JobRun, snapshot: Snapshot, folder: Path, *, use_automatic: bool) -> None:
    """Writes a snapshot's masks and their pictures, named by their checksums; a folder that is whole stays.

    Masks that nobody looked at are left out, but for training where `use_automatic` says so, and of the frozen part
    those that are no yardstick. Raises Conflict image_file_missing, image_file_damaged.
    """
    if (folder / "annotations.json").exists():
        return
    (folder / "images").mkdir(parents=True, exist_ok=True)
    store = run.resources.store
    images, annotations = _choose(run, store, file_key(store, snapshot), use_automatic=use_automatic)
    with named_faults():
        for number, image in enumerate(images):
            for _ in _fetch(store, image, folder / "images" / image["file_name"], snapshot.number):
                run.progress("pictures", number, len(images))
        unfinished = folder / "annotations.unfinished"
        unfinished.write_text(json.dumps({"images": images, "annotations": annotations}))
        unfinished.rename(folder / "annotations.json")


def _choose(
    run: JobRun, store: BlobStore, key: str, *, use_automatic: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The images that have usable masks, and these, both with no more than trainers read."""
    images: dict[int, dict[str, Any]] = {}
    annotations: list[dict[str, Any]] = []
    used: set[int] = set()
    for section, entry in read_entries(store, key):
        run.progress("reading", 0, 0)
        if section == "images":
            facts = {name: entry[name] for name in ("id", "width", "height", "split")}
            images[entry["id"]] = facts | {"file_name": entry["segloop"]["sha256"], "known_as": entry["file_name"]}
            continue
        is_training = images[entry["image_id"]]["split"] == "train"
        is_checked = entry["segloop"]["is_checked"]
        if (is_checked or use_automatic) if is_training else is_yardstick(entry):
            used.add(entry["image_id"])
            annotations.append({name: entry[name] for name in ("id", "image_id", "category_id", "segmentation")})
    return [image for image_id, image in images.items() if image_id in used], annotations


def _fetch(store: BlobStore, image: dict[str, Any], target: Path, snapshot_number: int) -> Iterator[None]:
    """Brings one picture, in steps; its checksum is compared before it has its name."""
    name = f"The file of picture {image['known_as']!r} (image {image['id']}) of snapshot {snapshot_number}"
    key = image_key(image["file_name"])
    unfinished = target.with_name("unfinished")
    digest = hashlib.sha256()
    local = store.local_path(key)
    try:
        with unfinished.open("wb") as file:
            for piece in store.chunks(key):
                digest.update(piece)
                if local is None:
                    file.write(piece)
                yield
    except BlobNotFound:
        message = f"{name} is not in the storage any more. Make a new snapshot, or bring the file back."
        raise Conflict("image_file_missing", message) from None
    if digest.hexdigest() != image["file_name"]:
        raise Conflict("image_file_damaged", f"{name} is damaged in the storage.")
    if local is not None:
        _link(local, unfinished)
    unfinished.rename(target)


def _link(source: Path, target: Path) -> None:
    target.unlink()
    try:
        os.link(source, target)
    except OSError:  # another file system
        target.write_bytes(source.read_bytes())
