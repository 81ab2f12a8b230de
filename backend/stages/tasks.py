"""The jobs of stages: a model works on images before people do or instead of them, queues get ordered, audits drawn."""

import time
from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.errors import Conflict, Unavailable
from backend.images.tables import Image
from backend.jobs.runner import Finish, JobInterrupted, JobRun, job_handler
from backend.model_client import BROKE_DOWN, BrokenOff
from backend.models.service import reads_other_encoder
from backend.projects.tables import Project
from backend.stages.admission import enqueue_propose
from backend.stages.audit_draw import draw_some, make_audits
from backend.stages.counts import count_in, read_counts
from backend.stages.policies import (
    AUTOMATIC_STAGE,
    ROWS_AT_ONCE,
    as_stage,
    enqueue_draw,
    enqueue_rank,
    rank_again,
    read_policy,
)
from backend.stages.proposing import Answer, Waiting, ask, put_aside, still_waits, write
from backend.stages.ranks import SUSPECT
from backend.stages.schemas import StageName, StagePolicy
from backend.stages.tables import WorkItem

# After this long the job goes back into the queue, behind what people wait for; then it goes on where it was.
TURN_SECONDS = 20.0
IMAGES_AT_ONCE = 16
# So many images in a row over which the model server broke down: the fault is not theirs. With each try more: bad
# images are often neighbours.
BREAKDOWNS_IN_A_ROW = 3
PHASE = "looking at images"
ENDED_TWICE = "The model server ended twice while it looked at this image: it may need more memory than there is."


@job_handler("propose")
def propose(run: JobRun) -> Finish:
    """Works on the images of a stage that wait for a model, until none is left; `args`: stage.

    It may be killed or run twice at any point: what an image gets is written in one transaction that first makes
    sure that the image still waits.
    """
    stage, project_id = as_stage(run.args["stage"]), run.job.project_id
    assert project_id is not None
    with run.resources.database.read() as session:
        project = session.get(Project, project_id)
        if project is None or project.deleted_at is not None:
            return lambda _: None  # done: once it is restored, check_stages asks anew
        if stage != AUTOMATIC_STAGE:
            _require_fitting_detector(session, project)
    started = time.monotonic()
    done = run.job.done
    # By work item: the model server broke down over it, and has answered for none since.
    broken: dict[int, Waiting] = {}
    fault: Unavailable | None = None
    while True:
        with run.resources.database.read() as session:
            policy = read_policy(session, project_id, stage)
            left = count_in(read_counts(session, project_id), stage, "proposing")
            images = _next_images(session, project_id, stage, but=broken)
        if not images:
            break
        for number, image in enumerate(images):
            run.progress(PHASE, done, done + left - number)
            try:
                answer = ask(run.resources, stage, policy, image)
            except Unavailable as error:
                broken[image.work_id], fault = image, error
                if isinstance(error, BrokenOff):
                    _suspect(run, project_id, stage, image)
                if error.code != BROKE_DOWN or len(broken) >= BREAKDOWNS_IN_A_ROW * max(1, run.job.tries):
                    raise
                continue
            _write(run, project_id, stage, image, answer)
            for other in broken.values():
                _write(run, project_id, stage, other, _ask_again(run, stage, policy, other))
            done += 1 + len(broken)
            broken = {}
            if time.monotonic() - started > TURN_SECONDS:
                run.progress(PHASE, done, done + left - number - 1)
                run.heartbeat()  # so that its progress stays to be seen
                raise JobInterrupted
    if broken and fault is not None:  # nothing tells whether it is the images or the server: tried again later
        raise Unavailable(fault.code, f"Image {min(one.image_id for one in broken.values())}: {fault.message}")
    run.progress(PHASE, done, done)
    return lambda session: _go_on(session, project_id, stage)


@job_handler("rank")
def rank(run: JobRun) -> Finish:
    """Brings a long queue into the order its stage has now; `args`: stage. Repeating it changes nothing."""
    stage, project_id = as_stage(run.args["stage"]), run.job.project_id
    assert project_id is not None
    order, last_id, done = None, 0, 0
    while True:
        with run.resources.database.write() as session:
            order_now = read_policy(session, project_id, stage).queue_order
            if order_now != order:  # also when it was changed while this job ran
                order, last_id, done = order_now, 0, 0
            found = rank_again(session, project_id, stage, order_now, after_id=last_id)
            counts = read_counts(session, project_id)
        if found is None:
            break
        last_id, done = found, done + ROWS_AT_ONCE
        total = max(done, count_in(counts, stage, "proposing", "ready", "claimed"))
        run.progress("ordering the queue", done, total)

    def finish(session: Session) -> None:
        if read_policy(session, project_id, stage).queue_order != order:
            enqueue_rank(session, project_id, stage)

    return finish


@job_handler("draw_audits")
def draw_audits(run: JobRun) -> Finish:
    """Makes audits of the done automatic images that a larger share draws. Repeating it changes nothing."""
    project_id = run.job.project_id
    assert project_id is not None
    share: float | None = None
    after, done = None, 0
    while True:
        with run.resources.database.read() as session:
            share_now = read_policy(session, project_id, AUTOMATIC_STAGE).review_share
            if share_now != share:  # also when it was changed while this job ran
                share, after, done = share_now, None, 0
            drawn = draw_some(session, project_id, share_now, after=after)
            left = count_in(read_counts(session, project_id), AUTOMATIC_STAGE, "done")
        if drawn is None:
            break
        if drawn.item_ids:
            with run.resources.database.write() as session:
                make_audits(session, project_id, drawn.item_ids)
        after, done = drawn.last, done + drawn.looked_at
        run.progress("drawing audits", done, max(done, left))

    def finish(session: Session) -> None:
        if read_policy(session, project_id, AUTOMATIC_STAGE).review_share != share:
            enqueue_draw(session, project_id)

    return finish


def _require_fitting_detector(session: Session, project: Project) -> None:
    if reads_other_encoder(session, project):
        raise Conflict(
            "detector_of_other_encoder",
            f"{project.detector_version} was trained on another encoder than the live model's. The images wait: train a"
            " detector on the live model and promote it, then this goes on by itself.",
        )


def _next_images(session: Session, project_id: int, stage: StageName, *, but: Iterable[int] = ()) -> list[Waiting]:
    statement = (
        select(
            WorkItem.id,
            WorkItem.admission_id,
            WorkItem.image_id,
            WorkItem.rank,
            Image.sha256,
            Image.height,
            Image.width,
            Project.model_version,
            Project.detector_version,
        )
        .join(Image, Image.id == WorkItem.image_id)
        .join(Project, Project.id == WorkItem.project_id)
        .where(WorkItem.project_id == project_id, WorkItem.stage == stage, WorkItem.state == "proposing")
        .where(Project.deleted_at.is_(None), WorkItem.id.not_in(list(but)))
        .order_by(WorkItem.rank, WorkItem.id)
        .limit(IMAGES_AT_ONCE)
    )
    return [
        Waiting(
            work_id=row.id,
            admission_id=row.admission_id,
            image_id=row.image_id,
            rank=row.rank,
            sha256=row.sha256,
            size_hw=(row.height, row.width),
            model_version=row.model_version,
            detector_version=row.detector_version,
        )
        for row in session.execute(statement)
    ]


def _ask_again(run: JobRun, stage: StageName, policy: StagePolicy, image: Waiting) -> Answer:
    """Now that the model server answers: what broke it down may have passed. Raises Unavailable."""
    try:
        return ask(run.resources, stage, policy, image)
    except Unavailable as error:
        if error.code != BROKE_DOWN:
            raise
        return put_aside(error)


def _suspect(run: JobRun, project_id: int, stage: StageName, image: Waiting) -> None:
    """The model server ended amid this image, which may be why: it is asked last from now on, then put aside."""
    if image.rank == SUSPECT:
        _write(run, project_id, stage, image, Answer([], None, skip_reason=ENDED_TWICE))
        return
    with run.resources.database.write() as session:
        session.execute(update(WorkItem).where(*still_waits(image)).values(rank=SUSPECT))


def _write(run: JobRun, project_id: int, stage: StageName, image: Waiting, answer: Answer) -> None:
    with run.resources.database.write() as session:
        # Its order or its share to audit may have changed while the model was asked.
        now = read_policy(session, project_id, stage)
        write(session, stage, now, image, answer)


def _go_on(session: Session, project_id: int, stage: StageName) -> None:
    """Images that were admitted as this job ended found it still open, and got none of their own."""
    is_living = session.scalar(select(Project.id).where(Project.id == project_id, Project.deleted_at.is_(None)))
    if is_living and count_in(read_counts(session, project_id), stage, "proposing"):
        enqueue_propose(session, project_id, stage)
