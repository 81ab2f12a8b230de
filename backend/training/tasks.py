"""The jobs of the loop: a snapshot; and a round, from snapshot to a version that is live, waits or is refused."""

import time
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from backend.errors import Conflict, Unavailable
from backend.jobs import queue
from backend.jobs.runner import Finish, JobCancelled, JobRun, job_handler
from backend.models.service import record_version
from backend.training import detectors, hooks, programs, service
from backend.training.ending import end_run
from backend.training.folders import write_folder
from backend.training.gate import decide, general_measure, read_comparison
from backend.training.policies import read_policy
from backend.training.processes import Workshop, open_workshop
from backend.training.schemas import Comparison, RunMetrics, TrainOptions
from backend.training.snapshots import create_snapshot, get_snapshot, write_snapshot
from backend.training.tables import Snapshot, TrainingRun
from backend.training.tidying import candidate_folders, candidate_name, run_folder, tidy

CURVE_SECONDS = 2.0


@job_handler("snapshot")
def snapshot(work: JobRun) -> Finish:
    """Makes a snapshot's file; `args`: snapshot_id."""
    with work.resources.database.read() as session:
        row = get_snapshot(session, work.args["snapshot_id"])
    return write_snapshot(work, row)


@job_handler("train")
def train(work: JobRun) -> Finish:
    """One round; `args`: run_id, `train_anyway`, and `checkpoint` once another trainer has sent one.

    Goes on where a kill ended it.
    """
    tidy(work.resources)
    with work.resources.database.read() as session:
        run = service.get_run(session, work.args["run_id"])
    folder = run_folder(work.resources.settings, run.id)
    try:
        with open_workshop(work, folder) as shop:
            return _round(shop, run)
    except JobCancelled:
        if _is_cancelled(work):  # and not taken over by a newer attempt
            programs.discard(folder, *candidate_folders(work.resources.settings, run))
        raise


def _is_cancelled(work: JobRun) -> bool:
    with work.resources.database.read() as session:
        job = queue.get_job(session, work.job.id)
    return job.is_cancel_requested and job.attempt == work.job.attempt


def _round(shop: Workshop, run: TrainingRun) -> Finish:
    work, options = shop.run, TrainOptions.model_validate(run.options)
    _wait_for_others(work, run)
    snapshot = _snapshot_of(work, run)
    if not (snapshot.counts or {}).get("train_masks") and not options.use_automatic:
        raise Conflict("too_few_masks", f"Snapshot {snapshot.number} has no mask to train on outside its frozen part.")
    if not work.args.get("train_anyway") and "checkpoint" not in work.args:
        service.require_frozen_images((snapshot.counts or {}).get("frozen_images", 0))
    base = _base_version(work, run, options)
    service.change_run(work, run.id, state="training", base_version=base, reason=None, finished_at=None)
    if run.kind == "model" and "checkpoint" not in work.args:
        with work.resources.database.read() as session:
            policy, _ = read_policy(session, run.project_id)
        if policy.hook_url is not None:
            return hooks.hand_over(work, run, snapshot, policy, base)
    write_folder(work, snapshot, shop.folder / "dataset", use_automatic=options.use_automatic)
    if "checkpoint" in work.args:
        model = hooks.unpack(work, work.args["checkpoint"], shop.folder / "out" / "model")
    else:
        model = programs.train(shop, run.kind, locate(shop, base), options, _Publisher(work, run.id))
    service.change_run(work, run.id, state="evaluating")
    if run.kind == "detector":
        return detectors.judge(shop, run, model, candidate_name(run), locate(shop, base))
    return _judge(shop, run, model, options)


def _wait_for_others(work: JobRun, run: TrainingRun) -> None:
    with work.resources.database.read() as session:
        other = service.find_under_way(session, run.project_id)
    if other is not None and other.id != run.id and other.job is not None and other.job.state == "running":
        raise Unavailable("run_under_way", f"Run {other.id} of this project has not ended yet.")


def _snapshot_of(work: JobRun, run: TrainingRun) -> Snapshot:
    """The run's snapshot, made now unless an earlier attempt has."""
    if run.snapshot_id is None:
        service.change_run(work, run.id, state="snapshotting")
        with work.resources.database.write() as session:
            note = f"For run {run.id}."
            made = create_snapshot(session, run.project_id, note=note, created_by=run.created_by)
            made.job_id = work.job.id
            service.get_run(session, run.id).snapshot_id = run.snapshot_id = made.id
    with work.resources.database.read() as session:
        snapshot = get_snapshot(session, run.snapshot_id)
    if snapshot.key is None:
        finish = write_snapshot(work, snapshot)
        with work.resources.database.write() as session:
            finish(session)
        with work.resources.database.read() as session:
            snapshot = get_snapshot(session, run.snapshot_id)
    return snapshot


def _base_version(work: JobRun, run: TrainingRun, options: TrainOptions) -> str:
    """The version to start from; a detector reads the live model's embeddings."""
    if run.base_version is not None:
        return run.base_version
    with work.resources.database.read() as session:
        if options.base == "first" and run.kind == "model":
            version = service.first_version(session, run.project_id)
        else:
            version = service.live_version(session, run.project_id, "model")
    return version or _default_version(work)


def _default_version(work: JobRun) -> str:
    """The model server's default. Raises Unavailable while it is away."""
    models: list[dict[str, Any]] = work.resources.model.models()["models"]
    return next(str(one["model_version"]) for one in models if one["is_default"])


def locate(shop: Workshop, version: str) -> str | Path:
    """Where a version's files lie: a folder of the models folder, or the name of a bundled one."""
    name = version.rpartition("-")[0]
    folder = shop.settings.resolved_models_dir / name
    return folder if (folder / "config.json").exists() else name


class _Publisher:
    """Writes the curve into the run, every two seconds while it grows."""

    def __init__(self, work: JobRun, run_id: int) -> None:
        self._work, self._run_id = work, run_id
        self._said: programs.Curve | None = None
        self._at = 0.0

    def __call__(self, curve: programs.Curve) -> None:
        if not curve.points or curve == self._said or time.monotonic() - self._at < CURVE_SECONDS:
            return
        left = {} if curve.seconds_left is None else {"seconds_left": float(curve.seconds_left)}
        service.change_run(self._work, self._run_id, curve=[*curve.points[:-1], curve.points[-1] | left])
        self._said, self._at = curve, time.monotonic()


def _judge(shop: Workshop, run: TrainingRun, model: Path, options: TrainOptions) -> Finish:
    """Measures the new model beside the live one, keeps it, and decides."""
    staged = programs.stage(shop.settings.resolved_models_dir, model, candidate_name(run))
    with shop.run.resources.database.read() as session:
        was_live = service.live_version(session, run.project_id, "model")
        before = service.general_change(session, run.project_id, was_live, general_measure(options.gate))
    live = was_live or _default_version(shop.run)
    frozen, general, described = _compare(shop, staged, live, looks_closer=options.closer)
    programs.keep(staged)
    answer = decide(options.gate, frozen, general, general_before=before)
    metrics = RunMetrics(compared_with=live, frozen=frozen, general=general, gate=answer)
    curve = programs.read_curve(shop.folder / "out" / "progress.jsonl")

    def finish(session: Session) -> None:
        record_version(session, described | {"name": staged.name})
        row = service.get_run(session, run.id)
        row.candidate_version, row.metrics, row.curve = described["model_version"], metrics.model_dump(), curve.points
        end_run(session, row, metrics, was_live=was_live, auto_promote=options.auto_promote)

    return finish


def _compare(
    shop: Workshop, candidate: Path, live: str, *, looks_closer: bool
) -> tuple[Comparison | None, Comparison | None, dict[str, Any]]:
    """Both versions on the frozen masks, if there are any, and on the general set; and what the candidate is."""
    dataset, general = shop.folder / "dataset", programs.general_set(shop)
    where = locate(shop, live)
    measured = partial(programs.evaluate, shop, candidate, where, live_version=live, looks_closer=looks_closer)
    has_frozen = programs.has_frozen(dataset)
    if has_frozen and not programs.names_splits(general):  # one program, for it takes seconds to start
        document = measured([dataset, general], split="frozen")
        frozen, on_general = (read_comparison(document, live=live, number=number) for number in (0, 1))
        return frozen, on_general, _described(document)
    document = measured([general], split=None)
    on_general = read_comparison(document, live=live)
    if not has_frozen:
        return None, on_general, _described(document)
    frozen = read_comparison(measured([dataset], split="frozen"), live=live)
    return frozen, on_general, _described(document)


def _described(document: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = next(iter(document["methods"].values()))
    return described
