"""What is left behind: files that are whole or not there."""

import csv
import os
from io import StringIO
from pathlib import Path

import numpy as np

from model_server.evaluation.scoring import Scored
from model_server.evaluation.summary import Measured


def require_writable(path: Path) -> None:
    """Make the folder of a file to be written after a long run, and refuse now what would fail then. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; name a file.")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"{path.parent} cannot be written to.")


def write(path: Path, text: str) -> None:
    """A whole file or none: written beside its place, then moved there."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def per_mask_csv(scored: dict[str, Scored], measured: dict[str, list[Measured]]) -> str:
    """A line per mask and method with every measure; `measured` in the order of the runs."""
    names = sorted({name for parts in measured.values() for part in parts for name, size in part.columns})
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["dataset", "file_name", "annotation_id", "annotator", "kind", "area", "method", *names])
    for dataset, sample in scored.items():
        rows = [(picture, mask) for picture in sample.pictures for mask in picture.masks]
        for run, part in zip(sample.runs, measured[dataset], strict=True):
            values = [part.columns.get((name, "all"), np.full(len(rows), np.nan)) for name in names]
            for row, (picture, mask) in enumerate(rows):
                figures = ["" if np.isnan(column[row]) else f"{column[row]:.6g}" for column in values]
                about = [dataset, picture.file_name, mask.annotation_id, mask.annotator, mask.kind, mask.area]
                writer.writerow([*("" if fact is None else fact for fact in about), run.method.name, *figures])
    return file.getvalue()
