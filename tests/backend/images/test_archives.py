"""Zips: their good pictures become images; whatever could harm is refused by name, before it does."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend.settings import Settings

Upload = Callable[..., dict[str, Any]]
Photo = Callable[..., bytes]


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return file.getvalue()


def codes(answer: dict[str, Any]) -> dict[str, str]:
    return {entry["file_name"]: entry["code"] for entry in answer["rejected"]}


def link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry, target.encode()


def encrypted(data: bytes) -> bytes:
    """The same archive with the first entry's flag for encryption set."""
    changed = bytearray(data)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = changed.index(signature) + offset
        changed[at] |= 1
    return bytes(changed)


def test_folders_of_photos(upload: Upload, photo: Photo) -> None:
    archive = zipped(
        ("trip/", b""),
        ("trip/day 1/a.jpg", photo(1)),
        ("trip/day 1/b.png", photo(2, "PNG")),
        ("trip/写真.webp", photo(3, "WEBP")),
        ("__MACOSX/trip/._a.jpg", b"fork"),
        ("trip/.DS_Store", b"litter"),
        ("trip/Thumbs.db", b"litter"),
        ("trip/a again.jpg", photo(1)),
        ("trip/readme.txt", b"a nice trip"),
        ("trip/empty.jpg", b""),
    )
    answer = upload(("before.jpg", photo(9)), ("trip.zip", archive), ("after.jpg", photo(3, "WEBP")))
    assert [image["file_name"] for image in answer["created"]] == [
        "before.jpg",
        "trip/day 1/a.jpg",
        "trip/day 1/b.png",
        "trip/写真.webp",
    ]
    ids = {image["file_name"]: image["id"] for image in answer["created"]}
    assert answer["duplicates"] == [
        {"file_name": "trip/a again.jpg", "image_id": ids["trip/day 1/a.jpg"]},
        {"file_name": "after.jpg", "image_id": ids["trip/写真.webp"]},
    ]
    assert codes(answer) == {"trip/readme.txt": "not_an_image", "trip/empty.jpg": "empty_file"}


def test_what_an_archive_is_shows_in_its_bytes(upload: Upload, photo: Photo) -> None:
    answer = upload(("photos.jpg", zipped(("a.jpg", photo(1)))), ("photo.zip", photo(2)))
    assert [image["file_name"] for image in answer["created"]] == ["a.jpg", "photo.zip"]


def test_large_archives_list_their_entries_elsewhere(
    upload: Upload, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as small_limit:
        small_limit.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
        archive = zipped(("a.jpg", photo(1)), ("b.jpg", photo(2)))
    assert b"PK\x06\x06" in archive
    assert len(upload(("large.zip", archive))["created"]) == 2
    assert len(upload(("behind something.zip", b"PK\x03\x04" + bytes(100) + archive))["duplicates"]) == 2


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_bad_entries_are_refused_and_the_good_one_is_kept(
    upload: Upload, photo: Photo, tmp_path: Path, settings: Settings
) -> None:
    archive = zipped(
        ("../../escaped.jpg", photo(1)),
        ("a/../../b.jpg", photo(2)),
        ("..\\windows.jpg", photo(3)),
        ("/absolute.jpg", photo(4)),
        ("C:\\drive.jpg", photo(5)),
        link("link.jpg", "/etc/passwd"),
        ("nested.zip", zipped(("a.jpg", photo(6)))),
        ("hidden nest.jpg", zipped(("a.jpg", photo(6)))),
        ("good.jpg", photo(7)),
        ("good.jpg", photo(8)),
    )
    answer = upload(("mixed.zip", archive))
    unsafe = "archive_entry_unsafe_name"
    assert codes(answer) == {
        "../../escaped.jpg": unsafe,
        "a/../../b.jpg": unsafe,
        "..\\windows.jpg": unsafe,
        "/absolute.jpg": unsafe,
        "C:\\drive.jpg": unsafe,
        "link.jpg": "archive_entry_link",
        "nested.zip": "archive_nested",
        "hidden nest.jpg": "archive_nested",
    }
    assert [image["file_name"] for image in answer["created"]] == ["good.jpg", "good.jpg"]
    assert not list(tmp_path.rglob("*escaped*"))


def test_encrypted_and_exotic_entries(upload: Upload, photo: Photo) -> None:
    locked = encrypted(zipped(("locked.jpg", photo(1)), ("open.jpg", photo(2))))
    answer = upload(("a.zip", locked), ("b.zip", zipped(("lzma.jpg", photo(3)), compression=zipfile.ZIP_LZMA)))
    assert codes(answer) == {"locked.jpg": "archive_entry_encrypted", "lzma.jpg": "archive_entry_unsupported"}
    assert len(answer["created"]) == 1


@pytest.mark.parametrize("name", ["photos.zip", "photos.jpg"])
def test_a_damaged_archive_is_one_refusal(upload: Upload, photo: Photo, name: str) -> None:
    whole = zipped(("a.jpg", photo(1)), ("b.jpg", photo(2)))
    answer = upload((name, whole[: len(whole) // 2]), ("good.jpg", photo(3)))
    assert codes(answer) == {name: "archive_damaged"}
    assert len(answer["created"]) == 1


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.8, 0.9, 0.97])
def test_no_damage_to_an_archive_is_a_failure_of_the_server(upload: Upload, photo: Photo, share: float) -> None:
    data = bytearray(zipped(*[(f"{n}.jpg", photo(n)) for n in range(4)]))
    at = int(len(data) * share)
    data[at : at + 24] = b"\xff" * 24
    answer = upload(("a.zip", bytes(data)))
    assert len(answer["created"]) + len(answer["rejected"]) >= 1


def test_a_damaged_entry_does_not_spoil_the_others(upload: Upload, photo: Photo) -> None:
    data = bytearray(zipped(("a.jpg", photo(1)), ("b.jpg", photo(2)), compression=zipfile.ZIP_STORED))
    data[200] ^= 0xFF
    answer = upload(("a.zip", bytes(data)))
    assert codes(answer) == {"a.jpg": "archive_entry_damaged"}
    assert [image["file_name"] for image in answer["created"]] == ["b.jpg"]


def test_empty_archives(upload: Upload) -> None:
    answer = upload(("empty.zip", zipped()), ("folders.zip", zipped(("a/", b""), ("a/b/", b""))))
    assert codes(answer) == {"empty.zip": "archive_empty", "folders.zip": "archive_empty"}


def test_a_bomb_is_refused_before_it_is_read(upload: Upload) -> None:
    bomb = zipped(("bomb.png", bytes(300 << 20)))
    assert len(bomb) < 400_000
    assert codes(upload(("bomb.zip", bomb))) == {"bomb.zip": "archive_bomb"}


def test_a_header_that_lies_about_size_gets_no_more_than_it_declared(upload: Upload) -> None:
    data = bytearray(zipped(("bomb.png", bytes(20 << 20))))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", data, data.index(signature) + offset, 1000)
    assert codes(upload(("bomb.zip", bytes(data)))) == {"bomb.png": "archive_entry_damaged"}


class TestLimits:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        limits = {"max_archive_entries": 50, "max_archive_bytes": 300_000, "max_file_bytes": 100_000}
        return settings.model_copy(update=limits)

    def test_too_many_entries(self, upload: Upload) -> None:
        crowd = zipped(*[(f"{n}.jpg", b"") for n in range(51)])
        assert codes(upload(("crowd.zip", crowd))) == {"crowd.zip": "archive_too_many_entries"}

    def test_a_listing_that_says_it_is_short(self, upload: Upload) -> None:
        crowd = bytearray(zipped(*[(f"{n}.jpg", b"") for n in range(51)]))
        struct.pack_into("<HH", crowd, len(crowd) - 14, 1, 1)
        assert codes(upload(("crowd.zip", bytes(crowd)))) == {"crowd.zip": "archive_too_many_entries"}

    def test_an_endless_listing(self, upload: Upload) -> None:
        crowd = zipped(*[(f"{n}{'x' * 2000}.jpg", b"") for n in range(40)])
        assert codes(upload(("crowd.zip", crowd))) == {"crowd.zip": "archive_too_many_entries"}

    def test_too_large_unpacked(self, upload: Upload) -> None:
        large = zipped(*[(f"{n}.bin", bytes(90_000)) for n in range(4)])
        assert codes(upload(("large.zip", large))) == {"large.zip": "archive_too_large"}

    def test_one_entry_too_large(self, upload: Upload, photo: Photo) -> None:
        answer = upload(("a.zip", zipped(("large.bin", bytes(100_001)), ("good.jpg", photo()))))
        assert codes(answer) == {"large.bin": "file_too_large"}
        assert len(answer["created"]) == 1
