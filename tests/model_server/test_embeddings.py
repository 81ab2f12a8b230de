"""The embedding cache: bounded, whole or absent, never in the way."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model_server.engine.embeddings import EmbeddingCache, Key, pack, unpack
from model_server.networks.network import Embedding

BYTES = 2 * (8 * 8 * 4 + 16)


def embedding(seed: int = 0) -> Embedding:
    generator = torch.Generator().manual_seed(seed)
    return Embedding(
        (torch.randn(4, 8, 8, generator=generator).half(), torch.randn(1, 4, 4, generator=generator).half()), (30, 40)
    )


def key(number: int) -> Key:
    return Key(f"{number:064x}", "f" * 64)


def same(a: Embedding | None, b: Embedding) -> bool:
    return a is not None and a.size_hw == b.size_hw and all(map(torch.equal, a.features, b.features))


def test_round_trip() -> None:
    assert embedding().nbytes == BYTES
    assert same(unpack(pack(embedding())), embedding())


@given(st.data())
def test_damaged_bytes_are_no_embedding(data: st.DataObject) -> None:
    packed = pack(embedding())
    at = data.draw(st.integers(0, len(packed) - 1))
    changed = packed[:at] + data.draw(st.binary(max_size=3)) + packed[at + 1 :]
    result = unpack(changed)
    # An image size is covered by no checksum but a JSON syntax; everything else must come back as it was or not at all.
    assert result is None or all(map(torch.equal, result.features, embedding().features))


def test_memory_is_bounded_and_forgets_the_least_used(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, memory_bytes=3 * BYTES, disk_bytes=0)
    for number in range(3):
        cache.keep(key(number), embedding(number))
    assert same(cache.in_memory(key(0)), embedding(0))
    cache.keep(key(3), embedding(3))
    assert cache.in_memory(key(1)) is None
    assert [cache.in_memory(key(n)) is not None for n in (0, 2, 3)] == [True] * 3
    assert cache.sizes()["memory"] == 3 * BYTES


def test_disk_is_bounded_survives_and_forgets_the_least_used(tmp_path: Path) -> None:
    size = len(pack(embedding())) + 4  # the checksum is written in as many digits as it has
    cache = EmbeddingCache(tmp_path, memory_bytes=0, disk_bytes=3 * size)
    for number in range(3):
        cache.write(key(number), embedding(number))
    assert same(cache.from_disk(key(0)), embedding(0))
    again = EmbeddingCache(tmp_path, memory_bytes=0, disk_bytes=3 * size)
    again.write(key(3), embedding(3))
    assert again.from_disk(key(1)) is None
    assert all(same(again.from_disk(key(n)), embedding(n)) for n in (0, 2, 3))
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) <= 3 * size
    assert again.sizes()["disk"] <= 3 * size


def test_a_damaged_file_is_a_miss(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, memory_bytes=BYTES, disk_bytes=10**6)
    cache.write(key(0), embedding())
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(file.read_bytes()[:-1])
    assert cache.from_disk(key(0)) is None
    cache.write(key(0), embedding())
    assert same(cache.from_disk(key(0)), embedding())
    assert same(cache.in_memory(key(0)), embedding())


def test_no_room_on_disk_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = EmbeddingCache(tmp_path / "file", memory_bytes=BYTES, disk_bytes=10**6)
    cache.write(key(0), embedding())
    assert "not kept on disk" in caplog.text
    assert cache.from_disk(key(0)) is None


def test_files_removed_by_others_are_misses(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, memory_bytes=0, disk_bytes=10**6)
    cache.write(key(0), embedding())
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.unlink()
    assert cache.from_disk(key(0)) is None
