"""Embeddings by (image, encoder): least recently used in memory, then on disk, both bounded by bytes.

Losing any of it costs time only. A damaged file is a miss; a full disk is a warning.
"""

import json
import logging
import os
import struct
import tempfile
import threading
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from model_server.networks.network import Embedding

logger = logging.getLogger(__name__)


class Key(NamedTuple):
    """What an embedding is of: an image, or a part of it in image pixels."""

    image_sha256: str
    encoder_fingerprint: str
    part_xyxy: tuple[int, int, int, int] | None = None


_MAGIC = b"segloop-embedding-1\n"


class EmbeddingCache:
    """Both levels. Thread-safe; `from_disk` and `write` do file work and belong off the device thread."""

    def __init__(self, folder: Path, *, memory_bytes: int, disk_bytes: int) -> None:
        self._memory: OrderedDict[Key, Embedding] = OrderedDict()
        self._memory_bytes, self._memory_limit = 0, memory_bytes
        self._lock = threading.Lock()
        self._disk = _DiskFiles(folder, limit_bytes=disk_bytes)

    def in_memory(self, key: Key) -> Embedding | None:
        """The embedding if memory holds it."""
        with self._lock:
            if key not in self._memory:
                return None
            self._memory.move_to_end(key)
            return self._memory[key]

    def from_disk(self, key: Key) -> Embedding | None:
        """The embedding if a sound file holds it; it is then in memory too."""
        data = self._disk.read(_file_name(key))
        embedding = None if data is None else unpack(data)
        if embedding is None:
            return None
        self.keep(key, embedding)
        return embedding

    def is_ready(self, key: Key) -> bool:
        """Whether memory or disk has it, without reading it."""
        with self._lock:
            return key in self._memory or self._disk.has(_file_name(key))

    def keep(self, key: Key, embedding: Embedding) -> None:
        """Put into memory, dropping the least recently used."""
        with self._lock:
            if key in self._memory or embedding.nbytes > self._memory_limit:
                return
            self._memory[key] = embedding
            self._memory_bytes += embedding.nbytes
            while self._memory_bytes > self._memory_limit:
                self._memory_bytes -= self._memory.popitem(last=False)[1].nbytes

    def write(self, key: Key, embedding: Embedding) -> None:
        """Put on disk, all or nothing."""
        self._disk.write(_file_name(key), pack(embedding))

    def sizes(self) -> dict[str, int]:
        """Bytes held now: {"memory": …, "disk": …}."""
        return {"memory": self._memory_bytes, "disk": self._disk.total_bytes}


def _file_name(key: Key) -> str:
    part = "" if key.part_xyxy is None else "-" + "-".join(str(edge) for edge in key.part_xyxy)
    return f"{key.encoder_fingerprint[:16]}/{key.image_sha256[:2]}/{key.image_sha256}{part}"


def pack(embedding: Embedding) -> bytes:
    """Magic, header length, JSON header (shapes, image size, CRC-32 of the data), fp16 data."""
    data = b"".join(feature.numpy().tobytes() for feature in embedding.features)
    header = json.dumps(
        {
            "shapes": [list(feature.shape) for feature in embedding.features],
            "size_hw": list(embedding.size_hw),
            "crc32": zlib.crc32(data),
        }
    ).encode()
    return _MAGIC + struct.pack("<I", len(header)) + header + data


def unpack(packed: bytes) -> Embedding | None:
    """The embedding, or None when the bytes are not a whole and undamaged one."""
    try:
        if not packed.startswith(_MAGIC):
            return None
        start = len(_MAGIC) + 4
        (length,) = struct.unpack("<I", packed[len(_MAGIC) : start])
        header = json.loads(packed[start : start + length])
        data = memoryview(packed)[start + length :]
        shapes = [tuple(int(side) for side in shape) for shape in header["shapes"]]
        counts = [int(np.prod(shape)) for shape in shapes]
        if len(data) != 2 * sum(counts) or zlib.crc32(data) != header["crc32"]:
            return None
        values = np.frombuffer(data, np.float16).copy()
        parts = np.split(values, np.cumsum(counts)[:-1])
        features = tuple(torch.from_numpy(part.reshape(shape)) for part, shape in zip(parts, shapes, strict=True))
        return Embedding(features, (int(header["size_hw"][0]), int(header["size_hw"][1])))
    except (struct.error, ValueError, KeyError, TypeError, IndexError):
        return None


class _DiskFiles:
    """Files below a folder, the least recently used removed beyond a number of bytes. Use is kept as mtime."""

    def __init__(self, folder: Path, *, limit_bytes: int) -> None:
        self._folder, self._limit = folder, limit_bytes
        self._lock = threading.Lock()
        self._sizes = self._scan()
        self.total_bytes = sum(self._sizes.values())

    def _scan(self) -> OrderedDict[str, int]:
        found = []
        for path in self._folder.glob("*/*/*"):
            try:
                status = path.stat()
            except OSError:  # another server on this folder removed it just now
                continue
            found.append((status.st_mtime, path.relative_to(self._folder).as_posix(), status.st_size))
        return OrderedDict((name, size) for _, name, size in sorted(found))

    def has(self, name: str) -> bool:
        return name in self._sizes or (self._folder / name).exists()

    def read(self, name: str) -> bytes | None:
        try:
            data = (self._folder / name).read_bytes()
            os.utime(self._folder / name)
        except OSError:
            return None
        self._note(name, len(data))
        return data

    def write(self, name: str, data: bytes) -> None:
        if len(data) > self._limit:
            return
        path = self._folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".writing-", delete=False) as file:
                try:
                    file.write(data)
                    file.close()
                    os.replace(file.name, path)
                except OSError:
                    os.unlink(file.name)
                    raise
        except OSError as error:
            logger.warning("embedding not kept on disk: %s", error)
            return
        self._note(name, len(data))

    def _note(self, name: str, size: int) -> None:
        """Count a file as the most recently used and remove the oldest beyond the limit."""
        with self._lock:
            self.total_bytes += size - self._sizes.pop(name, 0)
            self._sizes[name] = size
            while self.total_bytes > self._limit and len(self._sizes) > 1:
                oldest, oldest_size = self._sizes.popitem(last=False)
                self.total_bytes -= oldest_size
                (self._folder / oldest).unlink(missing_ok=True)
