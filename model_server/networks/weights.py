"""What a folder of weights is, by its bytes: version, encoder fingerprint, number of parameters. Nothing is loaded."""

import hashlib
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from model_server.contract.automatic import AutomaticThresholds
from model_server.networks.network import NetworkFacts, Parts

CHUNK_BYTES = 1 << 22


class UnusableModel(Exception):
    """A model folder that cannot be used; `code` is stable, `message` is for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def read_config(folder: Path) -> dict[str, Any]:
    """The folder's config.json. Raises UnusableModel."""
    try:
        config = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise UnusableModel(
            "model_config_unreadable", f"{folder.name}: config.json cannot be read ({error})."
        ) from error
    if not isinstance(config, dict):
        raise UnusableModel("model_config_unreadable", f"{folder.name}: config.json is not an object.")
    return config


def read_facts(
    folder: Path,
    config: dict[str, Any],
    *,
    family: str,
    image_size: int,
    encoder_prefixes: Sequence[str],
    preprocessing: dict[str, Any],
) -> NetworkFacts:
    """Hash the folder's safetensors. Tensors whose name starts with a prefix make the embedding, with `preprocessing`.

    Raises UnusableModel.
    """
    try:
        thresholds = AutomaticThresholds.model_validate(config.get("automatic", {}))
    except ValidationError as error:
        raise UnusableModel(
            "model_config_unreadable",
            f"{folder.name}: the thresholds under automatic in config.json cannot be used ({error}).",
        ) from error
    parts = config.get("parts", "all")
    if parts not in get_args(Parts):
        raise UnusableModel(
            "model_config_unreadable", f"{folder.name}: parts in config.json is {parts!r}; it may be all or clicked."
        )
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise UnusableModel("model_weights_missing", f"{folder.name}: there is no .safetensors file.")
    version, parameters, encoder = hashlib.sha256(), 0, {}
    for file in files:
        for chunk in _chunks(file, 0, file.stat().st_size):
            version.update(chunk)
        for tensor in _tensors(file):
            parameters += tensor.parameters
            if tensor.name.startswith(tuple(encoder_prefixes)):
                encoder[tensor.name] = tensor
    if not encoder:
        raise UnusableModel("model_weights_missing", f"{folder.name}: the weights hold no {family} image encoder.")
    fingerprint = hashlib.sha256(json.dumps(preprocessing, sort_keys=True).encode())
    for name in sorted(encoder):
        fingerprint.update(encoder[name].digest())
    return NetworkFacts(
        model_version=f"{folder.name}-{version.hexdigest()[:8]}",
        name=folder.name,
        family=family,
        image_size=image_size,
        encoder_fingerprint=fingerprint.hexdigest(),
        parameters=parameters,
        thresholds=thresholds,
        parts=parts,
    )


def file_sha256(file: Path) -> str:
    """The file's sha256, 64 hex digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class _Tensor:
    name: str
    header: dict[str, Any]
    file: Path
    data_start: int

    @property
    def parameters(self) -> int:
        count = 1
        for side in self.header["shape"]:
            count *= side
        return count

    def digest(self) -> bytes:
        begin, end = self.header["data_offsets"]
        digest = hashlib.sha256(f"{self.name} {self.header['dtype']} {self.header['shape']}".encode())
        for chunk in _chunks(self.file, self.data_start + begin, end - begin):
            digest.update(chunk)
        return digest.digest()


def _tensors(file: Path) -> Iterator[_Tensor]:
    """The tensors of a safetensors file: 8 bytes length, a JSON header, then the data."""
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            header = json.loads(opened.read(min(length, 100_000_000)))
        for name, tensor in header.items():
            if name != "__metadata__":
                yield _Tensor(name, tensor, file, 8 + length)
    except (struct.error, ValueError, AttributeError) as error:
        raise UnusableModel("model_weights_damaged", f"{file.parent.name}: {file.name} is damaged.") from error


def _chunks(file: Path, start: int, length: int) -> Iterator[bytes]:
    with file.open("rb") as opened:
        opened.seek(start)
        while length > 0 and (chunk := opened.read(min(CHUNK_BYTES, length))):
            length -= len(chunk)
            yield chunk
