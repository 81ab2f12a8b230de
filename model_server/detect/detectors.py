"""The folder of detectors, and the few of them that are loaded.

A detector is a folder `config.json` + safetensors: a head over a model's embeddings, trained here, or a published
detector of transformers. Its version is named as a model's is.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from model_server.contract.detection import DetectorKind
from model_server.engine import EngineError
from model_server.networks.box_head import MODEL_TYPE, MOST_BOXES, BoxHead, find_boxes, load_head
from model_server.networks.boxes import ScoredBoxes
from model_server.networks.frame import Frame
from model_server.networks.huggingface_detector import (
    HuggingFaceDetector,
    is_published_detector,
    load_published_detector,
)
from model_server.networks.models_folder import NAME
from model_server.networks.network import Embedding, Pixels
from model_server.networks.weights import UnusableModel, read_config

FINGERPRINT_DIGITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDetector:
    """What is known of a detector without loading it. `encoder_fingerprint` is None where any model will do."""

    detector_version: str
    name: str
    kind: DetectorKind
    encoder_fingerprint: str | None


@dataclass(frozen=True, slots=True)
class Detector:
    """A loaded detector. `find` belongs on the device thread."""

    facts: KnownDetector
    network: BoxHead | HuggingFaceDetector

    def prepare(self, open_picture: Callable[[], Image.Image]) -> Pixels | None:
        """What it needs of the picture beside the embedding. Off the device thread."""
        return self.network.prepare(open_picture()) if isinstance(self.network, HuggingFaceDetector) else None

    def find(self, embedding: Embedding, frame: Frame, prepared: Pixels | None) -> ScoredBoxes:
        """The best boxes of an image, repetitions included. Raises UnusableModel."""
        if isinstance(self.network, BoxHead):
            return find_boxes(self.network, embedding, frame)
        assert prepared is not None, "made by prepare"
        return self.network.find(prepared, frame.size_hw, limit=MOST_BOXES)


Stamp = tuple[tuple[str, int, int], ...]  # name, time and size of a folder's files: when they change, hash again


class Detectors:
    """All usable folders of `folder`; at most `loaded_limit` detectors are in memory. Thread-safe."""

    def __init__(self, folder: Path, *, loaded_limit: int, device: torch.device) -> None:
        self._folder, self._loaded_limit, self._device = folder, loaded_limit, device
        self._known: dict[str, tuple[Stamp, KnownDetector]] = {}
        self._loaded: OrderedDict[str, Detector] = OrderedDict()
        self._lock = threading.Lock()

    def all(self) -> list[KnownDetector]:
        """Facts of all usable detectors, by name. New ones are hashed, which reads their files once."""
        return list(self._usable())

    def find(self, detector_version: str) -> KnownDetector:
        """Facts of one version. Raises EngineError unknown_detector_version, detector_unusable."""
        name = detector_version.rpartition("-")[0]
        folder = self._folder / name
        if NAME.fullmatch(name) and (folder / "config.json").is_file():
            try:
                known = self._look(folder)
            except UnusableModel as error:
                raise EngineError("detector_unusable", error.message) from error
            if known.detector_version == detector_version:
                return known
        raise EngineError(
            "unknown_detector_version", f"There is no detector version {detector_version!r} on this server."
        )

    def load(self, facts: KnownDetector) -> Detector:
        """The detector, loaded now if need be: seconds. Raises EngineError as `find` does."""
        with self._lock:
            kept = self._loaded.get(facts.detector_version)
            if kept is None:
                while len(self._loaded) >= self._loaded_limit:
                    self._loaded.popitem(last=False)
                kept = Detector(facts, self._read(facts))
                if self.find(facts.detector_version) != facts:
                    raise EngineError("detector_unusable", f"The files of {facts.name} were replaced just now.")
                self._loaded[facts.detector_version] = kept
            self._loaded.move_to_end(facts.detector_version)
            return kept

    def _read(self, facts: KnownDetector) -> BoxHead | HuggingFaceDetector:
        folder = self._folder / facts.name
        try:
            if facts.kind == "box_head":
                return load_head(folder, read_config(folder), self._device)
            return load_published_detector(folder, self._device)
        except UnusableModel as error:
            raise EngineError("detector_unusable", error.message) from error

    def _usable(self) -> Iterator[KnownDetector]:
        for file in sorted(self._folder.glob("*/config.json")):
            if NAME.fullmatch(file.parent.name):
                try:
                    yield self._look(file.parent)
                except UnusableModel:
                    continue  # a folder that is no detector is not offered

    def _look(self, folder: Path) -> KnownDetector:
        stamp = _stamp(folder)
        found = self._known.get(folder.name)
        if found is None or found[0] != stamp:
            found = stamp, read_detector_facts(folder)
            self._known[folder.name] = found
        return found[1]


def read_detector_facts(folder: Path) -> KnownDetector:
    """Facts of the detector in `folder` without loading it. Raises UnusableModel."""
    config = read_config(folder)
    fingerprint: str | None = None
    kind: DetectorKind = "huggingface"
    if config.get("model_type") == MODEL_TYPE:
        kind, fingerprint = "box_head", config.get("encoder_fingerprint")
        if not isinstance(fingerprint, str) or len(fingerprint) != FINGERPRINT_DIGITS:
            raise UnusableModel(
                "detector_config_unreadable", f"{folder.name}: config.json names no encoder_fingerprint."
            )
    elif not is_published_detector(config):
        raise UnusableModel(
            "unknown_architecture",
            f"{folder.name}: config.json names no detector: a head trained here, or an architecture of object "
            "detection that transformers brings.",
        )
    return KnownDetector(
        detector_version=f"{folder.name}-{_weights_sha256(folder)[:8]}",
        name=folder.name,
        kind=kind,
        encoder_fingerprint=fingerprint,
    )


def _weights_sha256(folder: Path) -> str:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise UnusableModel("model_weights_missing", f"{folder.name}: there is no .safetensors file.")
    digest = hashlib.sha256()
    try:
        for file in files:
            with file.open("rb") as opened:
                while chunk := opened.read(1 << 22):
                    digest.update(chunk)
    except OSError as error:
        raise UnusableModel("model_weights_damaged", f"{folder.name}: {file.name} cannot be read.") from error
    return digest.hexdigest()


def _stamp(folder: Path) -> Stamp:
    try:
        files = sorted([*folder.glob("*.safetensors"), *folder.glob("*.json")])
        return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    except OSError as error:  # taken away just now
        raise UnusableModel("model_config_unreadable", f"{folder.name}: its files cannot be read.") from error
