"""Where bytes lie: keys of everything the backend stores, and the store of the running app."""

from typing import Annotated

from fastapi import Depends, Request

from model_server.contract.blobs import BlobNotFound, BlobStore, image_key, open_store

__all__ = [
    "BlobNotFound",
    "BlobStore",
    "Store",
    "checkpoint_key",
    "display_key",
    "export_key",
    "image_key",
    "open_store",
    "snapshot_key",
    "thumbnail_key",
]


def thumbnail_key(sha256: str) -> str:
    """Key of the WebP thumbnail of the image with this checksum."""
    return f"thumbnails/{sha256[:2]}/{sha256}.webp"


def display_key(sha256: str) -> str:
    """Key of the derivative the page draws when a browser cannot show the original."""
    return f"display/{sha256[:2]}/{sha256}.jpg"


def export_key(export_id: int, attempt: int) -> str:
    """Key of an export's archive; one key an attempt, so that a stale worker never overwrites a newer one's."""
    return f"exports/{export_id}-{attempt}.zip"


def snapshot_key(snapshot_id: int, attempt: int) -> str:
    """Key of a snapshot's COCO json; one key an attempt, as exports have."""
    return f"snapshots/{snapshot_id}-{attempt}.json"


def checkpoint_key(run_id: int) -> str:
    """Key of the .zip that an outside trainer sent for a run."""
    return f"checkpoints/{run_id}.zip"


def _store(request: Request) -> BlobStore:
    store: BlobStore = request.app.state.resources.store
    return store


Store = Annotated[BlobStore, Depends(_store)]
