"""Training elsewhere: a project's run is announced to an address, and its checkpoint comes back as a .zip."""

import hashlib
import hmac
import json
import shutil
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import urllib3
from sqlalchemy.orm import Session

from backend.errors import Conflict, Unavailable, Unprocessable, is_disk_full
from backend.jobs.runner import Finish, JobRun
from backend.settings import Settings
from backend.storage import BlobNotFound
from backend.training import service
from backend.training.schemas import Policy
from backend.training.tables import Snapshot, TrainingRun

HOOK_SECONDS = 10.0
# Nothing else, and no pickles: the two files that make a model.
MEMBERS = ("config.json", "model.safetensors")
MAX_CONFIG_BYTES = 1 << 20
MAX_HEADER_BYTES = 16 << 20
# The architectures that model servers know.
MODEL_TYPES = ("sam", "sam2", "sam2_video", "segloop_tiny")
_DAMAGES = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError)


def hand_over(work: JobRun, run: TrainingRun, snapshot: Snapshot, policy: Policy, base: str) -> Finish:
    """Announces the run; it waits for its checkpoint then, without a job. Raises Unavailable when nobody answers."""
    assert policy.hook_url is not None
    address = f"{work.resources.settings.resolved_public_url}/api"
    body = {
        "kind": "training.requested",
        "run_id": run.id,
        "project_id": run.project_id,
        "base_version": base,
        "options": run.options,
        "snapshot": {
            "id": snapshot.id,
            "number": snapshot.number,
            "sha256": snapshot.sha256,
            "download": f"{address}/snapshots/{snapshot.id}/download",
            "pictures": f"{address}/images/{{id}}/file",
        },
        "checkpoint": f"{address}/training-runs/{run.id}/checkpoint",
    }
    work.progress("announcing", 0, 0)
    _post(policy.hook_url, json.dumps(body).encode(), policy.hook_secret)
    host = urlsplit(policy.hook_url).hostname  # alone: an address may carry a password

    def finish(session: Session) -> None:
        row = service.get_run(session, run.id)
        row.state, row.reason = "training", f"Waiting for the checkpoint from {host}."

    return finish


def _post(url: str, body: bytes, secret: str | None) -> None:
    headers = {"Content-Type": "application/json"}
    if secret is not None:
        headers["Segloop-Signature"] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    try:
        answer = urllib3.request("POST", url, body=body, headers=headers, timeout=HOOK_SECONDS, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise Unavailable("hook_failed", f"The training hook was not reached: {type(error).__name__}.") from error
    if not 200 <= answer.status < 300:
        raise Unavailable("hook_failed", f"The training hook answered {answer.status}.")


def check_archive(file: IO[bytes], settings: Settings) -> None:
    """Raises Unprocessable for anything but a .zip of exactly config.json and model.safetensors, of bounded size.

    Whether the weights fit the configuration is seen when the model is measured.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _check_entries(archive.infolist(), settings)
            _check_config(archive.read("config.json"))
            with archive.open("model.safetensors") as weights:
                _check_weights(weights, archive.getinfo("model.safetensors").file_size)
    except _DAMAGES as error:
        raise Unprocessable(
            "checkpoint_unusable", "A checkpoint is a .zip archive, and this one is damaged or none."
        ) from error


def _check_entries(entries: list[zipfile.ZipInfo], settings: Settings) -> None:
    if sorted(entry.filename for entry in entries) != sorted(MEMBERS):
        raise Unprocessable("checkpoint_unusable", f"A checkpoint holds {' and '.join(MEMBERS)}, and nothing else.")
    for entry in entries:
        limit = MAX_CONFIG_BYTES if entry.filename == "config.json" else settings.max_upload_bytes
        if entry.file_size > limit or entry.flag_bits & 1:
            raise Unprocessable("checkpoint_unusable", f"{entry.filename} is too large or encrypted.")


def _check_config(text: bytes) -> None:
    try:
        config: Any = json.loads(text)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise Unprocessable("checkpoint_unusable", "config.json is no JSON object.")
    if config.get("model_type") not in MODEL_TYPES:
        found, known = str(config.get("model_type"))[:60], ", ".join(MODEL_TYPES)
        message = f"Another architecture: model_type is {found!r}; known are {known}"
        raise Unprocessable("checkpoint_unusable", message)


def _check_weights(weights: IO[bytes], byte_size: int) -> None:
    """The header of a safetensors file and nothing after it: what comes from a pickle has none."""
    head = weights.read(8)
    header_bytes = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
    try:
        is_header = 2 <= header_bytes <= min(MAX_HEADER_BYTES, byte_size - 8)
        header: Any = json.loads(weights.read(header_bytes)) if is_header else None
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        ends = []
    if not ends or max(ends) != byte_size - 8 - header_bytes:
        raise Unprocessable(
            "checkpoint_unusable",
            "model.safetensors is cut off or no safetensors file. Pickled weights are never opened.",
        )


def receive_checkpoint(session: Session, run_id: int, key: str) -> TrainingRun:
    """The run goes on with what lies at `key`. Raises NotFound, Conflict checkpoint_not_expected."""
    run = service.get_run(session, run_id)
    require_waiting(run)
    run.reason = None
    service.enqueue(session, run, {"run_id": run.id, "checkpoint": key})
    return run


def require_waiting(run: TrainingRun) -> None:
    """Raises Conflict checkpoint_not_expected unless the run waits for a trainer elsewhere."""
    if not service.waits_for_checkpoint(run):
        raise Conflict("checkpoint_not_expected", f"Run {run.id} does not wait for a checkpoint from elsewhere.")


def unpack(work: JobRun, key: str, model: Path) -> Path:
    """Puts a received checkpoint where a trainer would have left it; whether it loads is seen when it is taken in."""
    if (model / "config.json").exists():
        return model
    model.mkdir(parents=True, exist_ok=True)
    archive = model.with_name("checkpoint.zip")
    try:
        with archive.open("wb") as file:
            for piece in work.resources.store.chunks(key):
                work.progress("receiving", 0, 0)
                file.write(piece)
    except BlobNotFound:
        raise Conflict("checkpoint_gone", "The checkpoint is not in the storage any more.") from None
    with archive.open("rb") as file:
        check_archive(file, work.resources.settings)
    try:
        with zipfile.ZipFile(archive) as opened:
            for name in MEMBERS[::-1]:  # config.json last: with it the folder is whole
                with opened.open(name) as source, (model / name).open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
    except _DAMAGES as error:
        if is_disk_full(error):
            raise
        raise Conflict("checkpoint_unusable", f"The checkpoint is damaged: {error}") from error
    archive.unlink()
    return model
