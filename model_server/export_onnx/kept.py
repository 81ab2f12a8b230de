"""What has been exported, on disk: files with their descriptions, and refusals, so that no restart repeats either."""

import json
import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from model_server.contract.decoder import DECODER_FORMAT, WantedWeights
from model_server.export_onnx.errors import ExportError

DISK_BYTES = 500_000_000  # some thirty SAM decoders; the least recently asked for go first
MOST_REFUSALS = 1000


@dataclass(frozen=True, slots=True)
class DecoderFile:
    """A finished file, and its description as JSON."""

    path: Path
    description: str


class KeptDecoders:
    """Files below a folder, by model version and kind of weights."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def path(self, model_version: str, weights: WantedWeights) -> Path:
        """Where the file is, or would be."""
        return self._folder / f"{model_version}.{weights}.{DECODER_FORMAT}.onnx"

    def find(self, model_version: str, weights: WantedWeights) -> DecoderFile | None:
        """The file, noted as used now."""
        path = self.path(model_version, weights)
        try:
            os.utime(path)
            return DecoderFile(path, path.with_suffix(".json").read_text())
        except OSError:
            return None

    def keep(self, written: Path, described: dict[str, Any]) -> DecoderFile:
        """Takes a finished file over, whatever its name, and lets the oldest go."""
        path = self.path(described["model_version"], described["weights"])
        description = json.dumps(described, separators=(",", ":"))
        os.replace(written, path)
        _write_whole(path.with_suffix(".json"), description)  # last: without it there is no file yet
        _drop_oldest(self._folder)
        return DecoderFile(path, description)

    def find_refusal(self, model_version: str, weights: WantedWeights) -> ExportError | None:
        """Why there can be no such file, as this Segloop found; another one may do better."""
        try:
            kept = json.loads(self._refusal(model_version, weights).read_text())
            return ExportError(kept["code"], kept["message"]) if kept["segloop"] == segloop_version() else None
        except (OSError, ValueError, KeyError):
            return None

    def keep_refusal(self, model_version: str, weights: WantedWeights, error: ExportError) -> None:
        """Remember why, with what was measured in its message."""
        kept = {"code": error.code, "message": error.message, "segloop": segloop_version()}
        self._folder.mkdir(parents=True, exist_ok=True)
        _write_whole(self._refusal(model_version, weights), json.dumps(kept))
        for old in _newest_first(self._folder, "*.refused.json")[MOST_REFUSALS:]:
            old.unlink(missing_ok=True)

    def _refusal(self, model_version: str, weights: WantedWeights) -> Path:
        return self.path(model_version, weights).with_suffix(".refused.json")


def segloop_version() -> str:
    """Of the installed package; "unknown" in a checkout that is not installed."""
    try:
        return version("segloop")
    except PackageNotFoundError:
        return "unknown"


def _write_whole(path: Path, text: str) -> None:
    writing = path.with_suffix(".writing")
    writing.write_text(text)
    os.replace(writing, path)


def _newest_first(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)


def _drop_oldest(folder: Path) -> None:
    total = 0
    for number, path in enumerate(_newest_first(folder, "*.onnx")):
        total += path.stat().st_size
        if number and total > DISK_BYTES:
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
