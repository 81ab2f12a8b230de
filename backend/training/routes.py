"""Snapshots, the training policy and runs over HTTP."""

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response, status
from fastapi.responses import FileResponse, StreamingResponse

from backend.auth.authorize import CurrentUser
from backend.database import ReadSession, RowId, WriteSession, get_database
from backend.errors import NotFound, Unprocessable
from backend.images.files import Source
from backend.images.incoming import ReceivedFiles
from backend.jobs import queue
from backend.jobs.resources import Resources
from backend.storage import BlobStore, Store, checkpoint_key
from backend.training import hooks, policies, service, snapshots
from backend.training.schemas import (
    PolicyIn,
    PolicyOut,
    RunIn,
    RunList,
    RunOut,
    SnapshotDiff,
    SnapshotIn,
    SnapshotList,
    SnapshotOut,
)

router = APIRouter(tags=["training"])

SNAPSHOT_PRIORITY = 20  # as exports: somebody waits for it
JSON = "application/json"
DOWNLOAD: dict[int | str, dict[str, Any]] = {
    200: {"content": {JSON: {}}},
    409: {"description": "There is no file: `snapshot_not_ready` or `snapshot_failed`."},
}
CHECKPOINT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            }
        },
    }
}


def _settings_command(request: Request) -> str:
    resources: Resources = request.app.state.resources
    return resources.settings.training_hook_command


@router.get("/projects/{project_id}/snapshots")
def list_snapshots(project_id: RowId, session: ReadSession) -> SnapshotList:
    """The project's snapshots, newest first."""
    return SnapshotList(items=[SnapshotOut.of(row) for row in snapshots.list_snapshots(session, project_id)])


@router.post("/projects/{project_id}/snapshots", status_code=status.HTTP_201_CREATED)
def create_snapshot(project_id: RowId, body: SnapshotIn, user: CurrentUser, session: WriteSession) -> SnapshotOut:
    """Freezes the project's accepted masks as they are when its job runs. The first one fixes the frozen share."""
    row = snapshots.create_snapshot(session, project_id, note=body.note, created_by=user.user_id)
    row.job = queue.enqueue(
        session,
        "snapshot",
        {"snapshot_id": row.id},
        project_id=project_id,
        priority=SNAPSHOT_PRIORITY,
        created_by=user.user_id,
    )
    session.flush()
    return SnapshotOut.of(row)


@router.get("/snapshots/{snapshot_id}")
def read_snapshot(snapshot_id: RowId, session: ReadSession) -> SnapshotOut:
    """One snapshot."""
    return SnapshotOut.of(snapshots.get_snapshot(session, snapshot_id))


@router.get("/snapshots/{snapshot_id}/download", response_class=Response, responses=DOWNLOAD)
def download_snapshot(snapshot_id: RowId, session: ReadSession, store: Store) -> Response:
    """Its COCO json; every image carries `split`: train or frozen. Its ETag is its sha256, and it never changes."""
    row = snapshots.get_snapshot(session, snapshot_id)
    key = snapshots.file_key(store, row)
    name = f"segloop-project-{row.project_id}-snapshot-{row.number}.json"
    headers = {"ETag": f'"{row.sha256}"', "Content-Disposition": f'attachment; filename="{name}"'}
    path = store.local_path(key)
    if path is not None:
        return FileResponse(path, media_type=JSON, headers=headers)
    return StreamingResponse(_pieces(store, key), headers=headers, media_type=JSON)


def _pieces(store: BlobStore, key: str) -> Iterator[bytes]:
    yield from store.chunks(key)


@router.get("/snapshots/{snapshot_id}/diff/{other}")
def compare_snapshots(snapshot_id: RowId, other: RowId, session: ReadSession, store: Store) -> SnapshotDiff:
    """What happened from this snapshot to the other one of the same project."""
    first, second = snapshots.get_snapshot(session, snapshot_id), snapshots.get_snapshot(session, other)
    if first.project_id != second.project_id:
        raise NotFound("snapshot_not_found", f"There is no snapshot {other} in this project.")
    return snapshots.compare(store, first, second)


@router.get("/projects/{project_id}/training-policy")
def read_policy(project_id: RowId, request: Request, session: ReadSession) -> PolicyOut:
    """When the project retrains, how, and what its gate asks for."""
    return policies.describe_policy(session, project_id, _settings_command(request))


@router.patch("/projects/{project_id}/training-policy")
def change_policy(
    project_id: RowId, body: PolicyIn, request: Request, user: CurrentUser, session: WriteSession
) -> PolicyOut:
    """Changes some fields. 409 `policy_changed` when `revision` is old, `frozen_share_fixed` after a snapshot."""
    command = _settings_command(request)
    policies.change_policy(session, project_id, body.policy, body.revision, hook_command=command, actor_id=user.user_id)
    return policies.describe_policy(session, project_id, command)


@router.get("/projects/{project_id}/training-runs")
def list_runs(project_id: RowId, session: ReadSession) -> RunList:
    """The project's runs, newest first."""
    return RunList(items=service.describe_runs(session, service.list_runs(session, project_id)))


@router.post("/projects/{project_id}/training-runs", status_code=status.HTTP_201_CREATED)
def create_run(project_id: RowId, body: RunIn, request: Request, user: CurrentUser, session: WriteSession) -> RunOut:
    """Starts a round: snapshot, training, measuring, gate.

    409 `too_few_masks` {have, need}, `run_under_way`; `too_few_frozen_images` {have, need} unless `train_anyway`.
    """
    run = service.create_run(
        session,
        project_id,
        body.kind,
        base=body.base,
        changes=body.options,
        created_by=user.user_id,
        hook_command=_settings_command(request),
        train_anyway=body.train_anyway,
    )
    return service.describe_runs(session, [run])[0]


@router.get("/training-runs/{run_id}")
def read_run(run_id: RowId, session: ReadSession) -> RunOut:
    """One run with its curve, figures and reason."""
    return service.describe_runs(session, [service.get_run(session, run_id)])[0]


@router.post("/training-runs/{run_id}/cancel")
def cancel_run(run_id: RowId, user: CurrentUser, session: WriteSession) -> RunOut:
    """Stops a run; nothing of it stays but its row. 409 `run_ended`."""
    return service.describe_runs(session, [service.cancel_run(session, run_id, user.user_id)])[0]


@router.post("/training-runs/{run_id}/checkpoint", status_code=status.HTTP_202_ACCEPTED, openapi_extra=CHECKPOINT_BODY)
def receive_checkpoint(run_id: RowId, files: ReceivedFiles, request: Request) -> RunOut:
    """Takes the model that a trainer elsewhere made: one .zip of config.json and model.safetensors, in a part `files`.

    It is measured and judged as any other. 409 `checkpoint_not_expected`, 422 `checkpoint_unusable`.
    """
    resources: Resources = request.app.state.resources
    with resources.database.read() as session:
        hooks.require_waiting(service.get_run(session, run_id))
    if len(files) != 1 or not isinstance(files[0], Source):
        raise Unprocessable("checkpoint_unusable", "Send one .zip archive.")
    with files[0].path.open("rb") as file:
        hooks.check_archive(file, resources.settings)
    key = checkpoint_key(run_id)
    resources.store.put_file(key, files[0].path)
    with get_database(request).write() as session:
        run = hooks.receive_checkpoint(session, run_id, key)
        return service.describe_runs(session, [run])[0]
