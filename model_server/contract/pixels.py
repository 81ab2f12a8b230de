"""From the bytes of a picture to 8-bit RGB pixels, and what a picture is before anyone decodes it.

The one place that opens pictures: the backend (upload, thumbnails) and the model server see the same pixels.
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageFile, ImageMode, UnidentifiedImageError

Source = bytes | BinaryIO | Path

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")
MIME_OF_FORMAT = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "TIFF": "image/tiff"}

_ORIENTATION_TAG = 0x0112
_PHOTOMETRIC_TAG = 262
_TRANSPOSE_OF_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_EIGHT_BIT_MODES = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}
_SIXTEEN_BIT_MODES = {"I;16", "I;16B", "I;16L", "I;16N"}

# Signatures of pictures we do not read, so that the message can name them. (offset, bytes, name)
_OTHER_FORMATS = (
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"%PDF", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"II\xbc", "JPEG XR"),
    (128, b"DICM", "DICOM"),
    (4, b"ftyp", "HEIC, AVIF or video"),
)
_OWN_SIGNATURES = (b"\xff\xd8", b"\x89PNG", b"RIFF", b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")

# `warnings` keeps its filters in one process-wide list; two threads inside `catch_warnings` would undo each other.
_header_lock = threading.Lock()


class UnreadableImage(Exception):
    """A picture that cannot be used; `code` is stable, `message` is for a person.

    Codes: empty_file, not_an_image, unsupported_format, too_many_pixels, truncated_image, damaged_image.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the header of a picture says. `size_hw` is after orientation.

    `is_plain`: a browser that draws the original bytes shows the same pixels as `decode_rgb`.
    """

    format: str
    mime: str
    size_hw: tuple[int, int]
    is_plain: bool


def inspect(source: Source, max_pixels: int) -> ImageFacts:
    """Read the header only; pixel data may still prove truncated or damaged in `decode_rgb`.

    Raises UnreadableImage.
    """
    with _opened(source, max_pixels) as (image, orientation):
        size_hw = _oriented_size_hw(image, orientation)
        return ImageFacts(
            format=_format(image),
            mime=MIME_OF_FORMAT[_format(image)],
            size_hw=size_hw,
            is_plain=_is_plain(image, orientation),
        )


def decode_rgb(source: Source, *, max_pixels: int, at_least_hw: tuple[int, int] | None = None) -> Image.Image:
    """Decode the first frame to 8-bit RGB, orientation applied, without metadata.

    16-bit samples keep their high byte (value // 256, as Pillow does for 16-bit RGB), whatever range the picture uses.
    Alpha is composed on white. Colour profiles are not applied.
    With `at_least_hw` (height, width) a JPEG may come back at 1/2, 1/4 or 1/8 of its size, but not below that size.
    Raises UnreadableImage.
    """
    with _opened(source, max_pixels) as (image, orientation):
        if at_least_hw is not None and _format(image) == "JPEG":
            height, width = at_least_hw[::-1] if orientation >= 5 else at_least_hw
            image.draft(None, (width, height))
        with _named_errors(image):
            image.load()
            rgb = _to_rgb(image)
    transpose = _TRANSPOSE_OF_ORIENTATION.get(orientation)
    return rgb if transpose is None else rgb.transpose(transpose)


@contextmanager
def _opened(source: Source, max_pixels: int) -> Iterator[tuple[ImageFile.ImageFile, int]]:
    """The opened picture with its size checked, and the orientation still to be applied (1..8)."""
    file, is_own = _as_file(source)
    try:
        file.seek(0)
        head = file.read(512)
        if not head:
            raise UnreadableImage("empty_file", "The file is empty.")
        file.seek(0)
        yield _open_header(file, head, max_pixels)
    finally:
        if is_own:
            file.close()


def _as_file(source: Source) -> tuple[BinaryIO, bool]:
    """A file at any position, and whether it is ours to close."""
    match source:
        case bytes():
            return BytesIO(source), True
        case Path():
            return source.open("rb"), True
        case _:
            return source, False


def _open_header(file: BinaryIO, head: bytes, max_pixels: int) -> tuple[ImageFile.ImageFile, int]:
    with _header_lock, warnings.catch_warnings():
        # Size is judged below and odd metadata does no harm, so Pillow's warnings say nothing that is not an error.
        warnings.simplefilter("ignore")
        try:
            image = Image.open(file, formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise UnreadableImage("too_many_pixels", _too_many_pixels(max_pixels)) from error
        except UnidentifiedImageError as error:
            raise _unidentified(head) from error
        except Exception as error:
            raise _damaged(error) from error
        if image.width * image.height > max_pixels:
            raise UnreadableImage("too_many_pixels", _too_many_pixels(max_pixels))
        return image, _orientation(image)


def _too_many_pixels(max_pixels: int) -> str:
    return f"The picture claims more than {max_pixels / 1e6:g} million pixels, the limit of this installation."


def _unidentified(head: bytes) -> UnreadableImage:
    if head.startswith(_OWN_SIGNATURES):
        return UnreadableImage("damaged_image", "The file starts like a picture, but its header is damaged.")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in text:
        return UnreadableImage("unsupported_format", "SVG drawings are not supported; send JPEG, PNG, WebP or TIFF.")
    for offset, signature, name in _OTHER_FORMATS:
        if head[offset:].startswith(signature):
            return UnreadableImage(
                "unsupported_format", f"This is {name}, which is not supported; send JPEG, PNG, WebP or TIFF."
            )
    return UnreadableImage("not_an_image", "This is not a picture; send JPEG, PNG, WebP or TIFF.")


@contextmanager
def _named_errors(image: ImageFile.ImageFile) -> Iterator[None]:
    try:
        yield
    except UnreadableImage:
        raise
    except MemoryError:
        raise
    except Exception as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> UnreadableImage:
    reason = str(error).lower()
    if any(word in reason for word in ("truncated", "unexpected end", "not enough", "unrecognized data stream")):
        return UnreadableImage("truncated_image", "The picture is cut off: the end of its data is missing.")
    return UnreadableImage("damaged_image", "The picture's data is damaged and cannot be decoded.")


def _format(image: ImageFile.ImageFile) -> str:
    # A JPEG that carries further pictures (stereo, gain map) opens as MPO; its first picture is the photo.
    return "JPEG" if image.format == "MPO" else str(image.format)


def _orientation(image: ImageFile.ImageFile) -> int:
    if _format(image) == "TIFF":
        return 1  # Pillow reports the turned size and turns the pixels itself
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # Pillow would decode the whole picture to look for metadata behind the pixels
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # damaged metadata is no reason to refuse good pixels
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _oriented_size_hw(image: ImageFile.ImageFile, orientation: int) -> tuple[int, int]:
    return (image.width, image.height) if orientation >= 5 else (image.height, image.width)


def _is_plain(image: ImageFile.ImageFile, orientation: int) -> bool:
    return (
        _format(image) != "TIFF"
        and orientation == 1
        and image.mode in ("RGB", "L")
        and "transparency" not in image.info
        and (image.format == "MPO" or getattr(image, "n_frames", 1) == 1)
        and not any("16" in str(tile.args) for tile in image.tile)  # 16-bit PNG opens as RGB, read as "RGB;16B"
    )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in _SIXTEEN_BIT_MODES:
        return _high_byte(image).convert("RGB")
    if image.mode not in _EIGHT_BIT_MODES:
        kind = ImageMode.getmode(image.mode).typestr
        raise UnreadableImage(
            "unsupported_format",
            f"Pixels of type {image.mode} ({kind}) are not supported; convert the picture to 8 or 16 bits per channel.",
        )
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return _on_white(image)
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    rgb.info = {}
    return rgb


def _high_byte(image: Image.Image) -> Image.Image:
    high = (np.asarray(image) >> 8).astype(np.uint8)
    tags = getattr(image, "tag_v2", {})
    if tags.get(_PHOTOMETRIC_TAG) == 0:  # "white is zero"; Pillow inverts it for 8 bits, not for 16
        high = 255 - high
    return Image.fromarray(high)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("La", "RGBa"):  # premultiplied
        image = image.convert({"La": "LA", "RGBa": "RGBA"}[image.mode])
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    white = Image.new("RGB", rgba.size, (255, 255, 255))
    white.paste(rgba, mask=rgba)  # takes its alpha
    return white
