"""Bad files: each is refused by name, none spoils the others, nothing of it stays."""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient

from backend.settings import Settings

Upload = Callable[..., dict[str, Any]]
Photo = Callable[..., bytes]

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><html><script>alert(1)</script></html>"


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG whose header claims this size."""
    header = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    parts = [header, *chunks, (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    packed = [struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def bad_files(photo: Photo) -> Iterator[tuple[str, bytes, set[str]]]:
    """Name, bytes, codes it may be refused with."""
    noise = np.random.default_rng(1).bytes(3000)
    yield "empty.jpg", b"", {"empty_file"}
    yield "text.jpg", b"this is text", {"not_an_image"}
    yield "noise.png", noise, {"not_an_image"}
    yield "page.jpg", HTML, {"not_an_image"}
    yield "drawing.png", SVG, {"unsupported_format"}
    yield "moving.jpg", photo(1, "GIF"), {"unsupported_format"}
    yield "paper.jpg", b"%PDF-1.7\n" + noise, {"unsupported_format"}
    yield "layers.tif", b"8BPS\0\1" + noise, {"unsupported_format"}
    yield "stars.png", b"SIMPLE  =                    T" + noise, {"not_an_image"}
    yield "claim.png", png(60_000, 60_000), {"too_many_pixels"}
    yield "text bomb.png", png(10, 10, (b"zTXt", b"k\0\0" + zlib.compress(bytes(80 << 20)))), {"damaged_image"}
    yield "short.png", png(400, 400), {"truncated_image", "damaged_image"}
    yield "head.jpg", b"\xff\xd8\xff\xe0", {"truncated_image", "damaged_image"}
    for format_ in ("JPEG", "PNG", "WEBP", "TIFF"):
        data = photo(2, format_, size_hw=(300, 400))
        yield f"cut.{format_}", data[: len(data) * 6 // 10], {"truncated_image", "damaged_image"}
    yield "notes.zip", b"not a zip at all", {"archive_damaged"}


def test_each_bad_file_is_named_and_the_good_ones_are_kept(
    upload: Upload, photo: Photo, stored: Callable[[], set[str]], client: TestClient, project_id: int
) -> None:
    bad = list(bad_files(photo))
    good = [(f"good {n}.jpg", photo(10 + n)) for n in range(3)]
    answer = upload(good[0], *[(name, data) for name, data, _ in bad], *good[1:])
    assert [image["file_name"] for image in answer["created"]] == [name for name, _ in good]
    assert [
        (entry["file_name"], entry["code"]) for entry in answer["rejected"] if entry["code"] == "decode_failed"
    ] == []
    assert [entry["file_name"] for entry in answer["rejected"]] == [name for name, _, _ in bad]
    for entry, (_, _, codes) in zip(answer["rejected"], bad, strict=True):
        assert entry["code"] in codes, entry
    assert len(stored()) == 2 * len(good)
    assert client.get(f"/api/projects/{project_id}/images").json()["total"] == len(good)


def test_a_broken_file_sent_twice_is_refused_twice(upload: Upload) -> None:
    codes = [entry["code"] for entry in upload(("a.jpg", b"text"), ("b.jpg", b"text"))["rejected"]]
    assert codes == ["not_an_image"] * 2


def test_a_picture_with_a_web_page_behind_it_is_served_harmless(
    client: TestClient, upload: Upload, photo: Photo
) -> None:
    (image,) = upload(("page.html", photo(1) + HTML))["created"]
    for kind in ("file", "display", "thumbnail"):
        headers = client.get(f"/api/images/{image['id']}/{kind}").headers
        assert headers["content-type"].startswith("image/")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("folder/sub folder/äöü 写真 🌍.jpg", "folder/sub folder/äöü 写真 🌍.jpg"),
        ("/etc/passwd", "etc/passwd"),
        ("../../../etc/passwd.jpg", "etc/passwd.jpg"),
        ("..\\..\\windows\\photo.jpg", "windows/photo.jpg"),
        ("./a//b/./c.jpg", "a/b/c.jpg"),
        ("..", "unnamed"),
        ("<img src=x onerror=alert(1)>.jpg", "<img src=x onerror=alert(1)>.jpg"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("n" * 3000 + ".jpg", "n" * 496 + ".jpg"),
        ("日" * 3000 + ".jpg", "日" * 496 + ".jpg"),
    ],
)
def test_names_are_kept_as_people_wrote_them_without_their_tricks(
    client: TestClient, upload: Upload, photo: Photo, sent: str, kept: str
) -> None:
    (image,) = upload((sent, photo()))["created"]
    assert image["file_name"] == kept
    disposition = client.get(f"/api/images/{image['id']}/file").headers["content-disposition"]
    assert disposition.startswith("attachment; filename=")
    assert disposition.isascii()
    assert "/" not in disposition


def test_control_characters_leave_a_name(client: TestClient, project_id: int, photo: Photo) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a\x07\x00b\xff.jpg"\r\n\r\n'
    body += photo() + b"\r\n--x--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = client.post(f"/api/projects/{project_id}/images", content=body, headers=headers)
    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        assert answer.json()["created"][0]["file_name"] == "ab\ufffd.jpg"


def test_ten_copies_are_one_image(upload: Upload, photo: Photo) -> None:
    answer = upload(*[(f"copy {n}.jpg", photo(3)) for n in range(10)])
    (image,) = answer["created"]
    assert [entry["image_id"] for entry in answer["duplicates"]] == [image["id"]] * 9
    assert {image["file_name"], *[entry["file_name"] for entry in answer["duplicates"]]} == {
        f"copy {n}.jpg" for n in range(10)
    }
    again = upload(("later.jpg", photo(3)))
    assert again == {
        "created": [],
        "duplicates": [{"file_name": "later.jpg", "image_id": image["id"]}],
        "rejected": [],
    }


def test_the_same_bytes_in_two_projects_are_two_images(client: TestClient, upload: Upload, photo: Photo) -> None:
    other = client.post("/api/projects", json={"name": "Other"}).json()["id"]
    (first,) = upload(("a.jpg", photo()))["created"]
    (second,) = upload(("b.jpg", photo()), to=other)["created"]
    assert first["sha256"] == second["sha256"]
    assert (second["project_id"], second["file_name"]) == (other, "b.jpg")


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("application/json", b"{}", "no_files"),
        ("multipart/form-data", b"", "no_files"),
        ("multipart/form-data; boundary=x", b"--x--\r\n", "no_files"),
        ("multipart/form-data; boundary=x", b"", "malformed_upload"),
        ("multipart/form-data; boundary=x", b"nothing of the kind", "malformed_upload"),
        ("multipart/form-data; boundary=" + "x" * 5000, b"", "malformed_upload"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="other"; filename="a"\r\n\r\nhello\r\n--x--\r\n',
            "no_files",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="files"; filename=""\r\n\r\n\r\n--x--\r\n',
            "no_files",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\ncut off her',
            "malformed_upload",
        ),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"A: b\r\n" * 100_000, "malformed_upload"),
        ("multipart/form-data; boundary=x", b"--x\r\nA: " + b"b" * 100_000, "malformed_upload"),
    ],
)
def test_requests_that_are_no_upload(
    client: TestClient,
    project_id: int,
    nothing_half_written: Callable[[], None],
    content_type: str,
    body: bytes,
    code: str,
) -> None:
    headers = {"content-type": content_type}
    answer = client.post(f"/api/projects/{project_id}/images", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    nothing_half_written()


class TestLimits:
    @pytest.fixture
    def settings(self, settings: Any) -> Any:
        return settings.model_copy(update={"max_file_bytes": 50_000, "max_upload_bytes": 400_000, "max_pixels": 10_000})

    def test_a_file_above_the_limit_is_refused_alone(self, upload: Upload, photo: Photo) -> None:
        answer = upload(("large.bin", bytes(60_000)), ("small.jpg", photo()))
        assert [entry["code"] for entry in answer["rejected"]] == ["file_too_large"]
        assert len(answer["created"]) == 1

    def test_a_request_above_the_limit(self, send: Callable[..., httpx.Response], nothing_half_written: Any) -> None:
        answer = send(*[(f"{n}.bin", bytes(45_000)) for n in range(10)])
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
        nothing_half_written()

    def test_the_installations_pixels(self, upload: Upload, photo: Photo) -> None:
        (entry,) = upload(("wide.png", photo(1, "PNG", size_hw=(100, 101))))["rejected"]
        assert entry["code"] == "too_many_pixels"


def test_nothing_is_taken_from_strangers(app_client: TestClient, settings: Settings, photo: Photo) -> None:
    answer = app_client.post("/api/projects/1/images", files=[("files", ("a.jpg", photo()))])
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_signed_in")
    assert not (settings.data_dir / "incoming").exists()


def test_foreign_and_deleted_projects(
    client: TestClient,
    project_id: int,
    send: Callable[..., httpx.Response],
    make_person: Callable[..., Any],
    photo: Photo,
    stored: Callable[[], set[str]],
) -> None:
    files = [("files", ("a.jpg", photo()))]
    address = f"/api/projects/{project_id}/images"
    stranger = client.post(address, files=files, headers=make_person("annotator").headers)
    assert (stranger.status_code, stranger.json()["error"]["code"]) == (404, "project_not_found")
    assert send(files[0][1], to=99).status_code == 404
    assert client.delete(f"/api/projects/{project_id}").status_code == 204
    assert send(files[0][1]).json()["error"]["code"] == "project_deleted"
    assert stored() == set()


class TestOnlyUploadsMayBeLarge:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"max_json_bytes": 1000})

    def test_a_form_that_a_stranger_sends_elsewhere_is_none(self, app_client: TestClient) -> None:
        """Its body would be read into memory before anybody asks who sends it."""
        headers = {"content-type": "multipart/form-data; boundary=x"}
        answer = app_client.post("/api/auth/login", content=bytes(2000), headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
