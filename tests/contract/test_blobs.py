"""Blobs in a folder and in an S3 bucket: the same behaviour, checked against a real S3-compatible HTTP server."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from model_server.contract.blobs import BlobNotFound, BlobStore, LocalBlobs, S3Blobs, image_key, open_store
from tests.running import free_port


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlobStore]:
    if request.param == "folder":
        yield open_store(str(tmp_path / "blobs"))
        return
    import boto3

    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    port = free_port()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    endpoint = f"http://127.0.0.1:{port}"
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="photos")
    yield open_store("s3://photos/segloop", s3_endpoint=endpoint)
    server.stop()


def test_what_is_put_can_be_got(store: BlobStore, tmp_path: Path) -> None:
    data = bytes(range(256)) * 20_000
    key = image_key("ab" * 32)
    assert not store.exists(key)
    with pytest.raises(BlobNotFound):
        store.get(key)
    with pytest.raises(BlobNotFound):
        store.chunks(key)
    store.put(key, data)
    assert store.exists(key)
    assert store.get(key) == data
    assert b"".join(store.chunks(key)) == data
    file = tmp_path / "large"
    file.write_bytes(data[::-1])
    store.put_file("exports/1-1.zip", file)
    assert store.get("exports/1-1.zip") == data[::-1]
    store.delete(key)
    store.delete(key)
    assert not store.exists(key)


def test_a_failed_put_leaves_nothing(tmp_path: Path) -> None:
    store = LocalBlobs(tmp_path / "blobs")

    def half() -> Iterator[bytes]:
        yield b"half"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        store._write("images/x", half())
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []


def test_what_a_kill_left_goes_with_a_later_put(tmp_path: Path) -> None:
    store = LocalBlobs(tmp_path / "blobs")
    store.put("exports/1-1.zip", b"one")
    old, young = (tmp_path / "blobs" / "exports" / f".part-{name}" for name in ("old", "young"))
    for part in (old, young):
        part.write_bytes(b"half")
    two_days_ago = young.stat().st_mtime - 2 * 24 * 3600
    os.utime(old, (two_days_ago, two_days_ago))
    os.utime(tmp_path / "blobs" / "exports" / "1-1.zip", (two_days_ago, two_days_ago))
    store.put("exports/2-1.zip", b"two")
    assert not old.exists()
    assert young.exists(), "somebody may still be writing it"
    assert store.get("exports/1-1.zip") == b"one"


def test_keys_stay_inside_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="leaves the storage"):
        LocalBlobs(tmp_path / "blobs").get("../secret")


def test_an_unknown_address_is_refused() -> None:
    with pytest.raises(ValueError, match="s3://"):
        open_store("ftp://somewhere/else")


def test_a_slow_reader_is_not_cut_off(store: BlobStore) -> None:
    """obstore's own bounds are for whole bodies: an export could not be fetched by a slow line."""
    if isinstance(store, S3Blobs):
        assert {"timeout", "read_timeout"} <= set(store.store.client_options or {})
