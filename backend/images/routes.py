"""Images over HTTP. (Being written.)"""

from fastapi import APIRouter

router = APIRouter(tags=["images"])


def stop_decoding() -> None:
    """Ends the decoding processes."""
