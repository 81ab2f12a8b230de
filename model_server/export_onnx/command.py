"""`python -m model_server.export_onnx MODEL --out FILE`: light to import, so that a missing package can be named."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from model_server.contract.decoder import Weights
from model_server.export_onnx.errors import ExportError

MAX_PICTURES = 16
MAX_PIXELS = 100_000_000
# After clicks, but not after everything: until it is done browsers cannot decode, and somebody may be waiting for that.
BACKGROUND_NICE = 5


def main(argv: list[str] | None = None) -> int:
    """Export one decoder. 0 when the file was written, 1 with a named error when not."""
    options = _parser().parse_args(argv)
    if options.background:
        os.nice(BACKGROUND_NICE)
    try:
        report = _export(options)
    except ExportError as error:
        _say({"error": {"code": error.code, "message": error.message}}, f"{error.message}", options.json, sys.stderr)
        return 1
    _say(report, _sentence(report), options.json, sys.stdout)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="export-onnx", description="Write a model's decoder as ONNX, checked.")
    parser.add_argument("model", help="a model folder, or the name of a bundled or installed model")
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--weights", choices=(*get_args(Weights), "smallest"), default="float32")
    parser.add_argument("--pictures", type=Path, help="a folder of pictures to compare smaller weights on")
    parser.add_argument("--json", action="store_true", help="one JSON object, errors too")
    parser.add_argument("--background", action="store_true", help="one thread of low priority")
    return parser


def _export(options: argparse.Namespace) -> dict[str, Any]:
    try:
        # Here and not above: these packages are an extra, and the model server imports this file without them.
        from model_server.export_onnx.export import export_decoder
    except ImportError as error:
        raise ExportError("onnx_missing", f"The decoder cannot be exported: {error}.") from error
    import torch

    from model_server.networks.weights import UnusableModel

    if options.background:
        torch.set_num_threads(1)
    pictures = _open_pictures(options.pictures) if options.pictures else ()
    try:
        return asdict(
            export_decoder(find_folder(options.model), options.out, weights=options.weights, pictures=pictures)
        )
    except UnusableModel as error:
        raise ExportError(error.code, error.message) from error


def find_folder(model: str) -> Path:
    """The folder of a model: a path, or a name among the installed and the bundled. Raises ExportError."""
    from model_server.networks.registry import BUNDLED
    from model_server.settings import read_settings

    for folder in (Path(model), read_settings().models_dir / model, BUNDLED / model):
        if (folder / "config.json").is_file():
            return folder.resolve()
    raise ExportError("model_missing", f"There is no model folder {model!r}.")


def _open_pictures(folder: Path) -> Sequence[Any]:
    from model_server.contract.pixels import UnreadableImage, decode_rgb

    names = sorted(path for path in folder.glob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    if not names:
        raise ExportError("pictures_unusable", f"There are no pictures in {folder}.")
    try:
        return [decode_rgb(path.read_bytes(), max_pixels=MAX_PIXELS) for path in names[:MAX_PICTURES]]
    except (OSError, UnreadableImage) as error:
        raise ExportError("pictures_unusable", f"A picture in {folder} cannot be used ({error}).") from error


def _sentence(report: dict[str, Any]) -> str:
    text = f"Wrote {report['out']}: {report['bytes'] / 1e6:.1f} MB, {report['seconds']:.1f} s, "
    text += f"differs from torch by {report['parity_logits']:.1e} of the largest logit"
    if report["agreement"] is not None:
        text += f", mean IoU with float32 {report['agreement']:.4f} over {report['masks_compared']} masks"
    return text + "."


def _say(message: dict[str, Any], sentence: str, is_json: bool, stream: Any) -> None:
    text, target = (json.dumps(message), sys.stdout) if is_json else (sentence, stream)
    print(text, file=target)
