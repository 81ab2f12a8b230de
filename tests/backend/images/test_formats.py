"""Every format of photos that exists in the wild becomes an image whose picture a browser draws alike."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

SIZE_HW = (120, 160)


def gradient() -> Image.Image:
    rows, columns = np.mgrid[0 : SIZE_HW[0], 0 : SIZE_HW[1]]
    channels = [rows * 2, columns * 1.5, 255 - rows * 2]
    return Image.fromarray(np.stack(channels, axis=-1).clip(0, 255).astype(np.uint8))


def encode(image: Image.Image, format_: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def sixteen_bit() -> Image.Image:
    return Image.fromarray(np.asarray(gradient().convert("L")).astype(np.uint16) * 257)


def with_alpha() -> Image.Image:
    image = gradient().convert("RGBA")
    image.putalpha(200)
    return image


# name, bytes, format, whether browsers draw the original
FORMATS = [
    ("rgb.jpg", encode(gradient(), "JPEG", quality=95), "JPEG", True),
    ("progressive.jpg", encode(gradient(), "JPEG", progressive=True), "JPEG", True),
    ("grey.jpg", encode(gradient().convert("L"), "JPEG"), "JPEG", True),
    ("cmyk.jpg", encode(gradient().convert("CMYK"), "JPEG"), "JPEG", False),
    ("rgb.png", encode(gradient(), "PNG"), "PNG", True),
    ("palette.png", encode(gradient().quantize(32), "PNG"), "PNG", False),
    ("alpha.png", encode(with_alpha(), "PNG"), "PNG", False),
    ("grey16.png", encode(sixteen_bit(), "PNG"), "PNG", False),
    ("rgb.webp", encode(gradient(), "WEBP", quality=95), "WEBP", True),
    ("alpha.webp", encode(with_alpha(), "WEBP"), "WEBP", False),
    ("rgb.tif", encode(gradient(), "TIFF"), "TIFF", False),
    ("lzw.tif", encode(gradient(), "TIFF", compression="tiff_lzw"), "TIFF", False),
    ("grey16.tif", encode(sixteen_bit(), "TIFF"), "TIFF", False),
    ("cmyk.tif", encode(gradient().convert("CMYK"), "TIFF"), "TIFF", False),
    ("a picture in disguise.jpg", encode(gradient(), "PNG", compress_level=1), "PNG", True),
]


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(data)).convert("RGB")).astype(int)


@pytest.mark.parametrize(("name", "data", "format_", "is_plain"), FORMATS, ids=[case[0] for case in FORMATS])
def test_every_format(
    client: TestClient, upload: Callable[..., Any], name: str, data: bytes, format_: str, is_plain: bool
) -> None:
    (image,) = upload((name, data))["created"]
    assert (image["file_name"], image["format"], image["byte_size"]) == (name, format_, len(data))
    assert (image["height"], image["width"]) == SIZE_HW
    assert (image["state"], image["annotation_count"]) == ("ready", 0)

    original = client.get(f"/api/images/{image['id']}/file")
    assert original.content == data
    assert original.headers["content-type"] == f"image/{format_.lower()}"

    drawn = client.get(f"/api/images/{image['id']}/display")
    assert (drawn.content == data) == is_plain
    assert drawn.headers["content-type"] == (f"image/{format_.lower()}" if is_plain else "image/jpeg")
    if "alpha" not in name and "grey" not in name and "palette" not in name:
        assert np.abs(pixels(drawn.content) - np.asarray(gradient()).astype(int)).mean() < 12

    small = client.get(f"/api/images/{image['id']}/thumbnail")
    assert Image.open(BytesIO(small.content)).format == "WEBP"
    assert pixels(small.content).shape == (*SIZE_HW, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_shown_upright(client: TestClient, upload: Callable[..., Any], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    (image,) = upload(("turned.jpg", encode(gradient(), "JPEG", exif=exif, quality=95)))["created"]
    upright = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: p[::-1].swapaxes(0, 1),
        7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
        8: lambda p: p[:, ::-1].swapaxes(0, 1),
    }[orientation](np.asarray(gradient()).astype(int))
    assert (image["height"], image["width"]) == upright.shape[:2]
    for kind in ("display", "thumbnail"):
        shown = pixels(client.get(f"/api/images/{image['id']}/{kind}").content)
        assert shown.shape == upright.shape
        assert np.abs(shown - upright).mean() < 8


def test_a_large_photo_is_drawn_from_a_derivative_of_the_same_shape(
    client: TestClient, upload: Callable[..., Any], photo: Callable[..., bytes]
) -> None:
    (image,) = upload(("large.jpg", photo(size_hw=(3000, 6000))))["created"]
    drawn = Image.open(BytesIO(client.get(f"/api/images/{image['id']}/display").content))
    assert (drawn.format, drawn.size) == ("JPEG", (4096, 2048))
    small = Image.open(BytesIO(client.get(f"/api/images/{image['id']}/thumbnail").content))
    assert small.size == (256, 128)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "CMYK"])
def test_a_hundred_megapixels(client: TestClient, upload: Callable[..., Any], mode: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new(mode, (10_000, 10_000), (0, 90, 255, 128)[: len(mode)])
    options = {"format_": "PNG", "compress_level": 1} if mode == "RGBA" else {"format_": "JPEG"}
    (image,) = upload(("huge", encode(picture, exif=exif, **options)))["created"]
    assert image["width"] * image["height"] == 100_000_000
    drawn = Image.open(BytesIO(client.get(f"/api/images/{image['id']}/display").content))
    assert drawn.size == (4096, 4096)


def test_pure_noise(client: TestClient, upload: Callable[..., Any]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (4096, 4100, 3), dtype=np.uint8)
    (image,) = upload(("noise.png", encode(Image.fromarray(noise), "PNG", compress_level=0)))["created"]
    assert Image.open(BytesIO(client.get(f"/api/images/{image['id']}/display").content)).width in (4096, 2048)


def test_a_very_long_picture_keeps_at_least_one_pixel(client: TestClient, upload: Callable[..., Any]) -> None:
    (image,) = upload(("line.png", encode(Image.new("RGB", (12_000, 3)), "PNG")))["created"]
    assert Image.open(BytesIO(client.get(f"/api/images/{image['id']}/thumbnail").content)).size == (256, 1)
