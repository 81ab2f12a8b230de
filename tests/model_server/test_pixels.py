"""Pictures: every format, mode and orientation to RGB; everything else refused by name, without allocating."""

import struct
import tracemalloc
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_server.contract.pixels import UnreadableImage, decode_rgb, inspect

LIMIT = 1_000_000
SIZE_HW = (24, 40)


def gradient() -> Image.Image:
    height, width = SIZE_HW
    rows, columns = np.mgrid[0:height, 0:width]
    channels = [rows * 10, columns * 6, 255 - rows * 5]
    return Image.fromarray(np.stack(channels, axis=-1).clip(0, 255).astype(np.uint8))


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))


def saved(image: Image.Image, format_: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def pixels_of(data: bytes) -> np.ndarray:
    image = decode_rgb(data, max_pixels=LIMIT)
    assert image.mode == "RGB"
    assert not image.info
    return np.asarray(image).astype(int)


def refusal(data: bytes, max_pixels: int = LIMIT) -> UnreadableImage:
    with pytest.raises(UnreadableImage) as caught:
        decode_rgb(data, max_pixels=max_pixels)
    assert caught.value.message.endswith(".")
    return caught.value


@pytest.mark.parametrize(
    ("format_", "options", "tolerance"),
    [
        ("JPEG", {"quality": 95}, 12),
        ("JPEG", {"quality": 95, "progressive": True}, 12),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
    ],
)
def test_reads_every_format(format_: str, options: dict, tolerance: int) -> None:
    data = saved(gradient(), format_, **options)
    facts = inspect(data, LIMIT)
    assert (facts.format, facts.size_hw, facts.is_plain) == (format_, SIZE_HW, format_ != "TIFF")
    assert facts.mime == f"image/{format_.lower()}"
    assert np.abs(pixels_of(data) - np.asarray(gradient())).max() <= tolerance


def test_reads_bytes_files_and_paths(tmp_path: Path) -> None:
    data = saved(gradient(), "PNG")
    path = tmp_path / "picture"
    path.write_bytes(data)
    file = BytesIO(data)
    file.read(7)
    expected = np.asarray(gradient())
    for source in (data, path, file):
        assert np.array_equal(np.asarray(decode_rgb(source, max_pixels=LIMIT)), expected)
    assert not file.closed


def test_grey_palette_and_bilevel() -> None:
    grey = gradient().convert("L")
    assert np.array_equal(pixels_of(saved(grey, "PNG"))[..., 1], np.asarray(grey))
    assert inspect(saved(grey, "JPEG"), LIMIT).is_plain
    palette = gradient().quantize(16)
    assert np.array_equal(pixels_of(saved(palette, "PNG")), np.asarray(palette.convert("RGB")))
    assert not inspect(saved(palette, "PNG"), LIMIT).is_plain
    bilevel = grey.convert("1")
    assert np.array_equal(pixels_of(saved(bilevel, "TIFF"))[..., 0], np.asarray(bilevel) * 255)


def test_cmyk() -> None:
    data = saved(gradient().convert("CMYK"), "JPEG", quality=95)
    assert np.abs(pixels_of(data) - np.asarray(gradient())).mean() < 12
    assert not inspect(data, LIMIT).is_plain


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_composed_on_white(mode: str) -> None:
    image = gradient().convert(mode)
    image.putalpha(Image.fromarray(np.tile(np.array([0, 255], np.uint8), (SIZE_HW[0], SIZE_HW[1] // 2))))
    pixels = pixels_of(saved(image, "PNG"))
    assert (pixels[:, 0::2] == 255).all()
    assert np.array_equal(pixels[:, 1::2], np.asarray(image.convert("RGB"))[:, 1::2])
    assert not inspect(saved(image, "PNG"), LIMIT).is_plain


def test_a_transparent_palette_entry_becomes_white() -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([9, 8, 7, 200, 100, 50])
    palette.putpixel((1, 0), 1)
    for transparency in (0, bytes([0, 255])):
        pixels = pixels_of(saved(palette, "PNG", transparency=transparency))
        assert pixels.tolist() == [[[255, 255, 255], [200, 100, 50]]]


def sixteen_bit_rgb_png(value: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    row = b"\0" + struct.pack(">3H", value, value // 2, 0) * 2
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")


def test_sixteen_bits_keep_the_high_byte() -> None:
    samples = np.array([[0, 255, 256, 40_000, 65_535]], np.uint16)
    for format_ in ("PNG", "TIFF"):
        data = saved(Image.fromarray(samples), format_)
        assert pixels_of(data)[0, :, 0].tolist() == [0, 0, 1, 156, 255]
        assert not inspect(data, LIMIT).is_plain
    white_is_zero = saved(Image.fromarray(samples), "TIFF", tiffinfo={262: 0})
    assert pixels_of(white_is_zero)[0, :, 0].tolist() == [255, 255, 254, 99, 0]
    assert pixels_of(sixteen_bit_rgb_png(40_000))[0, 0].tolist() == [156, 78, 0]
    assert not inspect(sixteen_bit_rgb_png(40_000), LIMIT).is_plain


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation: int, format_: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format_ == "WEBP" else {"quality": 95} if format_ == "JPEG" else {}
    data = saved(gradient(), format_, exif=exif, **options)
    expected = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: p[::-1].swapaxes(0, 1),
        7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
        8: lambda p: p[:, ::-1].swapaxes(0, 1),
    }[orientation](np.asarray(gradient()).astype(int))
    pixels = pixels_of(data)
    assert inspect(data, LIMIT).size_hw == pixels.shape[:2] == expected.shape[:2]
    assert np.abs(pixels - expected).max() <= 12
    assert inspect(data, LIMIT).is_plain == (orientation == 1 and format_ != "TIFF")


def test_only_the_first_frame_counts() -> None:
    second = Image.new("RGB", (40, 24), (1, 2, 3))
    for format_, options in (("TIFF", {}), ("WEBP", {"lossless": True}), ("PNG", {})):
        data = saved(gradient(), format_, save_all=True, append_images=[second], **options)
        assert np.array_equal(pixels_of(data), np.asarray(gradient()))
        assert not inspect(data, LIMIT).is_plain
    stereo = saved(gradient(), "MPO", save_all=True, append_images=[second], quality=95)
    assert inspect(stereo, LIMIT).format == "JPEG"
    assert np.abs(pixels_of(stereo) - np.asarray(gradient())).max() <= 12


def test_a_jpeg_thumbnail_may_be_decoded_small() -> None:
    large = gradient().resize((1600, 960))
    exif = Image.Exif()
    exif[0x0112] = 6
    for data, size in ((saved(large, "JPEG"), (400, 240)), (saved(large, "JPEG", exif=exif), (240, 400))):
        small = decode_rgb(data, max_pixels=2_000_000, at_least_hw=(200, 200))
        assert small.size == size
    with pytest.raises(UnreadableImage, match="cut off"):
        decode_rgb(saved(large, "JPEG")[:-3000], max_pixels=2_000_000, at_least_hw=(200, 200))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"", "empty_file", id="empty"),
        pytest.param(b"hello, this is text", "not_an_image", id="text"),
        pytest.param(b"<!doctype html><html><body>hi</body></html>", "not_an_image", id="html"),
        pytest.param(b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "unsupported_format", id="svg"),
        pytest.param(saved(gradient(), "GIF"), "unsupported_format", id="gif"),
        pytest.param(saved(gradient(), "BMP"), "unsupported_format", id="bmp"),
        pytest.param(b"%PDF-1.7 ...", "unsupported_format", id="pdf"),
        pytest.param(b"\0\0\0\x1cftypheic" + bytes(20), "unsupported_format", id="heic"),
        pytest.param(b"\xff\xd8\xff\xe0nothing here", "truncated_image", id="jpeg in name only"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(40), "damaged_image", id="png in name only"),
        pytest.param(saved(gradient().convert("F"), "TIFF"), "unsupported_format", id="float tiff"),
        pytest.param(saved(gradient().convert("I"), "TIFF"), "unsupported_format", id="32-bit tiff"),
    ],
)
def test_refuses_by_name(data: bytes, code: str) -> None:
    assert refusal(data).code == code


def test_names_the_float_type() -> None:
    assert "type F" in refusal(saved(gradient().convert("F"), "TIFF")).message


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_refuses_cut_files(format_: str, share: float) -> None:
    data = saved(noise(), format_)
    assert refusal(data[: int(len(data) * share)]).code in ("truncated_image", "damaged_image")


def test_names_a_cut_photo() -> None:
    for format_ in ("JPEG", "PNG"):
        assert refusal(saved(noise(), format_)[:-2000]).code == "truncated_image"


def test_refuses_a_broken_middle() -> None:
    data = bytearray(saved(noise(), "PNG"))
    data[3000:3100] = bytes(100)
    assert refusal(bytes(data)).code in ("damaged_image", "truncated_image")


def claims(format_: str) -> bytes:
    """A tiny file whose header claims 60000 x 60000 pixels (WebP: its most, 16384 x 16384)."""
    if format_ == "PNG":
        body = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
        head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
        data = b"IDAT" + zlib.compress(bytes(1000))
        return head + struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    if format_ == "JPEG":
        data = bytearray(saved(gradient(), "JPEG"))
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
        return bytes(data)
    if format_ == "WEBP":
        data = bytearray(
            saved(gradient(), "WEBP", exif=Image.Exif(), save_all=True, append_images=[Image.new("RGB", (40, 24))])
        )
        assert data[12:16] == b"VP8X"
        data[24:30] = b"\xff\x3f\0" * 2
        return bytes(data)
    return bytes(_tiff_claim())


def _tiff_claim() -> bytearray:
    data = bytearray(saved(gradient(), "TIFF"))
    ifd = struct.unpack_from("<I", data, 4)[0]
    for number in range(struct.unpack_from("<H", data, ifd)[0]):
        at = ifd + 2 + 12 * number
        if struct.unpack_from("<H", data, at)[0] in (256, 257):
            struct.pack_into("<HII", data, at + 2, 4, 1, 60_000)
    return data


@pytest.mark.parametrize("read", [lambda d: decode_rgb(d, max_pixels=10**8), lambda d: inspect(d, 10**8)])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_huge_claim_is_refused_without_allocating(format_: str, read: Callable[[bytes], object]) -> None:
    data = claims(format_)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableImage) as caught:
            read(data)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.code == "too_many_pixels"


def test_pillows_size_warning_does_not_leak(recwarn: pytest.WarningsRecorder) -> None:
    data = claims("PNG").replace(struct.pack(">II", 60_000, 60_000), struct.pack(">II", 10_000, 10_000))
    body = data[12:29]
    data = data[:29] + struct.pack(">I", zlib.crc32(body)) + data[33:]
    assert inspect(data, 10**8).size_hw == (10_000, 10_000)
    assert not recwarn.list


def test_the_limit_is_the_installations() -> None:
    data = saved(gradient(), "PNG")
    assert decode_rgb(data, max_pixels=24 * 40).size == (40, 24)
    assert refusal(data, max_pixels=24 * 40 - 1).code == "too_many_pixels"
