"""Where bytes lie: keys of everything the backend stores, and the store of the running app."""

from typing import Annotated

from fastapi import Depends, Request

from model_server.contract.blobs import BlobNotFound, BlobStore, image_key, open_store

__all__ = [
    "BlobNotFound",
    "BlobStore",
    "Store",
    "display_key",
    "export_key",
    "image_key",
    "open_store",
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


def _store(request: Request) -> BlobStore:
    store: BlobStore = request.app.state.resources.store
    return store


Store = Annotated[BlobStore, Depends(_store)]
