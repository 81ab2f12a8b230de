"""The decoding process: `python -m backend.images.decode MEMORY_BYTES TIMEOUT_SECONDS`, one JSON line in, one out.

Uploaded bytes meet an image decoder only here: a picture that crashes it, hangs it or eats memory costs one child.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from backend.images.derivatives import DISPLAY_SIDE, THUMBNAIL_SIDE, fitted_hw, needs_display
from model_server.contract.pixels import UnreadableImage, decode_rgb, inspect

# A JPEG is decoded at a fraction of its size for the thumbnail, but at least this much larger than it.
THUMBNAIL_OVERSAMPLING = 1.25


def derive(source: Path, folder: Path, max_pixels: int) -> dict[str, Any]:
    """Decodes the whole picture and writes `thumbnail.webp`, and `display.jpg` where needed, into `folder`.

    Raises UnreadableImage, MemoryError, OSError.
    """
    facts = inspect(source, max_pixels)
    thumbnail_hw = fitted_hw(facts.size_hw, THUMBNAIL_SIDE)
    display_hw = fitted_hw(facts.size_hw, DISPLAY_SIDE)
    has_display = needs_display(is_plain=facts.is_plain, size_hw=facts.size_hw)
    oversampled_hw = fitted_hw(facts.size_hw, round(THUMBNAIL_SIDE * THUMBNAIL_OVERSAMPLING))
    rgb = decode_rgb(source, max_pixels=max_pixels, at_least_hw=display_hw if has_display else oversampled_hw)
    if has_display:
        rgb = _resized(rgb, display_hw)
        # JPEG and not WebP: the same look at this quality, written nine times faster at 4096 pixels.
        rgb.save(folder / "display.jpg", "JPEG", quality=92, subsampling=0)
    _resized(rgb, thumbnail_hw).save(folder / "thumbnail.webp", "WEBP", quality=80, method=2)
    return {"format": facts.format, "size_hw": facts.size_hw, "is_plain": facts.is_plain}


def _resized(rgb: Image.Image, size_hw: tuple[int, int]) -> Image.Image:
    height, width = size_hw
    if rgb.size == (width, height):
        return rgb
    return rgb.resize((width, height), Image.Resampling.HAMMING, reducing_gap=2.0)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return derive(Path(request["source"]), Path(request["folder"]), request["max_pixels"])
    except UnreadableImage as error:
        return {"code": error.code, "reason": error.message}
    except MemoryError:
        return {"code": "decode_failed", "reason": "Decoding this picture takes more memory than the server allows."}
    except (OSError, ValueError) as error:
        if not isinstance(error, OSError) or error.errno is None:  # Pillow's own, not the operating system's
            return {"code": "decode_failed", "reason": "No thumbnail could be made of this picture."}
        return {"errno": error.errno, "reason": str(error)}


def main() -> None:
    """Answers until the parent closes the pipe."""
    memory_bytes, timeout_seconds = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    os.nice(5)  # people who click come before pictures that arrive
    for line in sys.stdin:
        # The parent ends a child that takes too long; if the parent is gone, this does.
        signal.alarm(timeout_seconds + 10)
        sys.stdout.write(json.dumps(_answer(json.loads(line))) + "\n")
        sys.stdout.flush()
        signal.alarm(0)


if __name__ == "__main__":
    main()
