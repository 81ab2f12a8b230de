"""Moving images into a stage (and back: revert.py). Whole sets by statements over rows, never image by image."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Delete,
    Select,
    Update,
    and_,
    cast,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session

from backend.auth.tables import User
from backend.database import UtcDateTime, utc_now
from backend.errors import Conflict, Unprocessable
from backend.events.service import record
from backend.images.service import read_images
from backend.images.tables import Image
from backend.jobs.queue import enqueue
from backend.projects.service import get_project
from backend.stages.counts import MOVED_DONE, count_in, move_count, read_counts
from backend.stages.giving_back import give_back_all, is_lost
from backend.stages.policies import earlier_stages, ensure_row, read_policy
from backend.stages.ranks import WITHOUT_PROPOSALS, rank_column, shuffled
from backend.stages.schemas import AdmissionOut, AdmitOut, AdmitRule, ItemCounts, Person, StageName
from backend.stages.tables import Admission, Stage, WorkItem

FIRST_SHOWN = 12
ADMISSIONS_SHOWN = 100
# Rows of one statement: PostgreSQL is told to give up a statement after 15 s.
ROWS_AT_ONCE = 50_000
# Images of one admission: others wait to write meanwhile. Who wants more admits again.
MOST_IMAGES = 200_000
PROPOSE_PRIORITY = -5
# A model server that is away for an hour does not end the job.
PROPOSE_ATTEMPTS = 20


@dataclass(frozen=True)
class _Source:
    """Images that may go: those of one stage in one state, in the order of its queue."""

    stage: StageName
    state: str
    count: int


def admit(
    session: Session,
    project_id: int,
    to_stage: StageName,
    rule: AdmitRule,
    *,
    reason: str,
    author_id: int | None,
    is_dry_run: bool,
    from_stages: Sequence[StageName] | None = None,
) -> AdmitOut:
    """Moves the images that the rule picks from the earlier stages into this one; or only says which they are.

    Items somebody works on stay where they are; at most MOST_IMAGES go at once. They come from `from_stages`, else from
    the stage before, for the automatic stage from any earlier one, the later first. Raises Unprocessable for the first
    stage, Conflict when the budget is used up.
    """
    if from_stages is None:
        from_stages = earlier_stages(to_stage)
    if not from_stages:
        message = "Images enter the first stage by being uploaded; choose a later one."
        raise Unprocessable("no_earlier_stage", message)
    if not is_dry_run:
        _take_turn(session, project_id, to_stage)
        of_stages = and_(WorkItem.project_id == project_id, WorkItem.stage.in_(from_stages))
        give_back_all(session, of_stages, is_lost())
    limit = _limit(session, project_id, to_stage, rule)
    sources = _limited(_find_sources(session, project_id, from_stages, rule), limit)
    image_count = sum(source.count for source in sources)
    first = read_images(session, _first_ids(session, project_id, sources, rule))
    if is_dry_run or not image_count:
        return AdmitOut(image_count=image_count, first=first, admission_id=None)
    admission = Admission(
        project_id=project_id,
        from_stage=sources[0].stage,
        to_stage=to_stage,
        rule=rule.model_dump(exclude_defaults=True),
        reason=reason,
        author_id=author_id,
        image_count=0,
    )
    session.add(admission)
    session.flush()
    for source in sources:
        _take_out(session, admission, source, rule)
    admission.image_count = _put_in(session, admission, to_stage)
    names = ("from_stage", "to_stage", "image_count", "reason")
    data = {"admission_id": admission.id} | {name: getattr(admission, name) for name in names}
    record(session, project_id, "stage.admitted", data, actor_id=author_id, is_audit=True)
    return AdmitOut(image_count=admission.image_count, first=first, admission_id=admission.id)


def enqueue_propose(session: Session, project_id: int, stage: str) -> None:
    """Has the model work on the images of a stage that wait for it."""
    enqueue(
        session,
        "propose",
        {"stage": stage},
        project_id=project_id,
        dedupe_key=propose_key(project_id, stage),
        priority=PROPOSE_PRIORITY,
        max_attempts=PROPOSE_ATTEMPTS,
    )


def propose_key(project_id: int, stage: str) -> str:
    """One open job for a stage of a project."""
    return f"propose:{project_id}:{stage}"


def list_admissions(session: Session, project_id: int) -> list[AdmissionOut]:
    """The newest admissions, newest first."""
    statement = select(Admission, User.name).outerjoin(User, User.id == Admission.author_id)
    newest = statement.where(Admission.project_id == project_id).order_by(Admission.id.desc()).limit(ADMISSIONS_SHOWN)
    return [_out(row, name) for row, name in session.execute(newest)]


def _take_turn(session: Session, project_id: int, to_stage: StageName) -> None:
    """Admissions into one stage come one after the other, so that together they keep to its budget."""
    row = ensure_row(session, project_id, to_stage)
    session.scalar(select(Stage.id).where(Stage.id == row.id).with_for_update())


def _limit(session: Session, project_id: int, to_stage: StageName, rule: AdmitRule) -> int:
    most = min(rule.count or MOST_IMAGES, MOST_IMAGES)
    budget = read_policy(session, project_id, to_stage).budget_images
    if budget is None:
        return most
    # Whatever was ever admitted, what went on to a later stage included.
    held = count_in(read_counts(session, project_id), to_stage, *ItemCounts.model_fields, MOVED_DONE)
    if held >= budget:
        message = f"The stage's budget of {budget} images is used up; raise it to admit more."
        raise Conflict("budget_used_up", message, budget=budget, held=held)
    return min(budget - held, most)


def _find_sources(
    session: Session, project_id: int, from_stages: Sequence[StageName], rule: AdmitRule
) -> list[_Source]:
    states = ("ready", "done") if rule.include_done else ("ready",)
    is_filtered = rule.name_contains is not None or rule.image_ids is not None
    counts = [] if is_filtered else read_counts(session, project_id)
    sources = []
    for stage in reversed(from_stages):
        for state in states:
            if is_filtered:
                ids = _candidates(project_id, stage, state, rule).order_by(None).subquery()
                count = session.scalar(select(func.count()).select_from(ids)) or 0
            else:
                count = count_in(counts, stage, state)
            if rule.random_share is not None:
                count = round(rule.random_share * count)
            sources.append(_Source(stage, state, count))
    return sources


def _limited(sources: Iterable[_Source], limit: int) -> list[_Source]:
    limited = []
    for source in sources:
        count = min(limit, source.count)
        limit -= count
        if count:
            limited.append(_Source(source.stage, source.state, count))
    return limited


def _candidates(project_id: int, stage: str, state: str, rule: AdmitRule) -> Select[int]:
    """Ids of the items that the rule picks from, the first to go first."""
    statement = select(WorkItem.id).where(
        WorkItem.project_id == project_id, WorkItem.stage == stage, WorkItem.state == state
    )
    if rule.name_contains is not None:
        is_named = Image.file_name.icontains(rule.name_contains, autoescape=True)
        named = select(Image.id).where(Image.project_id == project_id, is_named)
        statement = statement.where(WorkItem.image_id.in_(named))
    if rule.image_ids is not None:
        statement = statement.where(WorkItem.image_id.in_(rule.image_ids))
    if rule.random_share is not None:
        return statement.order_by(shuffled(cast(WorkItem.image_id, BigInteger)))
    return statement.order_by(WorkItem.rank, WorkItem.id)


def _first_ids(session: Session, project_id: int, sources: Sequence[_Source], rule: AdmitRule) -> list[int]:
    found: list[int] = []
    for source in sources:
        few = min(source.count, FIRST_SHOWN - len(found))
        if few > 0:
            ids = _candidates(project_id, source.stage, source.state, rule).limit(few).subquery()
            found += session.scalars(select(WorkItem.image_id).where(WorkItem.id.in_(select(ids))))
    return found


def _take_out(session: Session, admission: Admission, source: _Source, rule: AdmitRule) -> None:
    """Marks the items of one source as moved by this admission; those somebody takes meanwhile stay."""
    left = source.count
    candidates = _candidates(admission.project_id, source.stage, source.state, rule)
    if rule.random_share is not None:
        # The draw is made once: all up to its last one, then in any order.
        drawn = shuffled(cast(WorkItem.image_id, BigInteger))
        last = session.scalar(candidates.with_only_columns(drawn).offset(left - 1).limit(1))
        candidates = candidates.where(drawn <= last).order_by(None)
    while left > 0:
        is_there = (WorkItem.id.in_(pick_once(candidates, min(left, ROWS_AT_ONCE))), WorkItem.state == source.state)
        moved = run_counted(session, update(WorkItem).where(*is_there).values(state="moved", moved_by=admission.id))
        if moved == 0:
            return
        left -= moved


def _put_in(session: Session, admission: Admission, to_stage: StageName) -> int:
    """Makes the new items of all images that were taken out, and moves the counts; returns how many."""
    is_done = WorkItem.finished_at.is_not(None)
    version = func.coalesce(WorkItem.model_version, "")
    keys = (WorkItem.stage, is_done.label("is_done"), version.label("version"))
    moved = select(*keys, func.count().label("n")).where(WorkItem.moved_by == admission.id)
    count = 0
    for row in session.execute(moved.group_by(WorkItem.stage, is_done, version)).all():
        count += row.n
        state = "done" if row.is_done else "ready"
        move_count(session, admission.project_id, row.stage, state, "moved", n=row.n, model_version=row.version)
    order = read_policy(session, admission.project_id, to_stage).queue_order
    state = "proposing" if _is_prepared(session, admission.project_id, to_stage) else "ready"
    now = utc_now()
    values = {
        "project_id": literal(admission.project_id),
        "image_id": WorkItem.image_id,
        "stage": literal(to_stage),
        "state": literal(state),
        "rank": literal(WITHOUT_PROPOSALS) if order == "uncertain" else rank_column(order),
        "admission_id": literal(admission.id),
        "is_audit": literal(False),
        "is_proposed": literal(False),
        "created_at": literal(now, UtcDateTime()),
    }
    rows = select(*(value.label(name) for name, value in values.items())).where(WorkItem.moved_by == admission.id)
    session.execute(insert(WorkItem).from_select(list(values), rows, include_defaults=False))
    move_count(session, admission.project_id, to_stage, None, state, n=count)
    if state == "proposing":
        enqueue_propose(session, admission.project_id, to_stage)
    return count


def _is_prepared(session: Session, project_id: int, stage: StageName) -> bool:
    """Whether a model works on the images of this stage before people do."""
    if stage == "semi_automatic":
        return get_project(session, project_id).detector_version is not None
    return stage == "fully_automatic"


def pick_once(ids: Select[int], count: int) -> Select[int]:
    """The first `count` of these that nobody else holds, chosen once: PostgreSQL may run a plain subquery with a limit
    again for every row of the statement around it, and so pick ever more."""
    chosen = ids.limit(count).with_for_update(skip_locked=True).cte("picked")
    return select(chosen.c.id)


def run_counted(session: Session, statement: Update | Delete) -> int:
    """Runs a statement over work items or masks; returns how many rows it was. Not every driver counts for itself
    where a statement begins with WITH."""
    table = statement.table
    rows = session.execute(statement.returning(table.c.id).execution_options(synchronize_session=False))
    return len(rows.all())


def _out(row: Admission, author_name: str | None) -> AdmissionOut:
    author = None if row.author_id is None else Person(id=row.author_id, name=author_name or "")
    names = AdmissionOut.model_fields.keys() - {"author", "rule"}
    plain = {name: getattr(row, name) for name in names}
    return AdmissionOut.model_validate(plain | {"author": author, "rule": AdmitRule.model_validate(row.rule)})
