"""The three stages as three rows of policy. All stages run the same code; what differs is written here."""

from typing import Any

from pydantic import ValidationError
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.errors import Conflict, NotFound, Unprocessable
from backend.events.service import record
from backend.jobs.queue import enqueue
from backend.stages.ranks import rank_column
from backend.stages.schemas import QueueOrder, StageName, StagePolicy
from backend.stages.tables import Stage, WorkItem

# Rows of one transaction when many are ranked anew.
ROWS_AT_ONCE = 20_000
# In order: images only ever move to a later one.
STAGES: tuple[StageName, ...] = ("assisted_manual", "semi_automatic", "fully_automatic")
AUTOMATIC_STAGE: StageName = STAGES[-1]
DEFAULTS: dict[StageName, StagePolicy] = {
    "assisted_manual": StagePolicy(),
    "semi_automatic": StagePolicy(),
    "fully_automatic": StagePolicy(review_share=0.05),
}


def as_stage(name: str) -> StageName:
    """The name, if there is such a stage. Raises NotFound."""
    for stage in STAGES:
        if stage == name:
            return stage
    raise NotFound("stage_not_found", f"There is no stage {name!r}; the stages are {', '.join(STAGES)}.")


def earlier_stages(stage: StageName) -> tuple[StageName, ...]:
    """Where images of this stage come from."""
    return STAGES[: STAGES.index(stage)]


def read_policy(session: Session, project_id: int, stage: StageName) -> StagePolicy:
    """The stage's policy, or its defaults while nobody has changed it."""
    row = find_row(session, project_id, stage)
    return DEFAULTS[stage] if row is None else policy_of(row)


def find_row(session: Session, project_id: int, stage: StageName) -> Stage | None:
    """The stage's row; None while it has its defaults."""
    return session.scalar(select(Stage).where(Stage.project_id == project_id, Stage.stage == stage))


def policy_of(row: Stage) -> StagePolicy:
    """The row's JSON; fields that a later version took out of policies are dropped."""
    return StagePolicy.model_validate(row.policy, extra="ignore")


def ensure_row(session: Session, project_id: int, stage: StageName) -> Stage:
    """The stage's row, made with the defaults at revision 0 if need be."""
    row = find_row(session, project_id, stage)
    if row is not None:
        return row
    row = Stage(project_id=project_id, stage=stage, policy=DEFAULTS[stage].model_dump(), revision=0)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # somebody else made it at the same time
        row = find_row(session, project_id, stage)
        assert row is not None
    return row


def change_policy(
    session: Session, project_id: int, stage: StageName, patch: dict[str, Any], *, revision: int, author_id: int
) -> None:
    """Changes fields of the policy that was read at `revision`; a new queue order applies to what waits, a larger share
    to audit to what is done.

    Raises Unprocessable for values that do not fit, Conflict when somebody else has changed it meanwhile.
    """
    row = ensure_row(session, project_id, stage)
    before = policy_of(row)
    after = _merged(before, patch)
    is_at_revision = (Stage.id == row.id, Stage.revision == revision)
    values = {"policy": after.model_dump(), "revision": revision + 1}
    if session.scalar(update(Stage).where(*is_at_revision).values(**values).returning(Stage.id)) is None:
        session.refresh(row)
        message = "Somebody else has changed this stage meanwhile. Look at it again, then repeat your change."
        raise Conflict("policy_changed", message, revision=row.revision)
    if after.queue_order != before.queue_order:
        _rank_waiting(session, project_id, stage, after.queue_order)
    if stage == AUTOMATIC_STAGE and after.review_share > before.review_share:
        enqueue_draw(session, project_id)
    changes = _differences(before.model_dump(), after.model_dump())
    data = {"stage": stage, "revision": revision + 1, "changes": changes}
    record(session, project_id, "stage.policy_changed", data, actor_id=author_id, is_audit=True)


def _merged(policy: StagePolicy, patch: dict[str, Any]) -> StagePolicy:
    merged = policy.model_dump()
    for name, value in patch.items():
        inner = merged.get(name)
        merged[name] = inner | value if isinstance(inner, dict) and isinstance(value, dict) else value
    try:
        return StagePolicy.model_validate(merged)
    except ValidationError as error:
        fields = [{"field": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()[:20]]
        message = "; ".join(f"{field['field']}: {field['problem']}" for field in fields[:3])
        raise Unprocessable("invalid_policy", message, fields=fields) from error


def rank_again(
    session: Session, project_id: int, stage: StageName, order: QueueOrder, *, after_id: int = 0
) -> int | None:
    """Ranks the next ROWS_AT_ONCE waiting items of a stage by `order`; returns the last one's id, None at the end."""
    waiting = (
        WorkItem.project_id == project_id,
        WorkItem.stage == stage,
        WorkItem.state.in_(("proposing", "ready", "claimed")),
        WorkItem.id > after_id,
    )
    some = select(WorkItem.id).where(*waiting).order_by(WorkItem.id).limit(ROWS_AT_ONCE).subquery()
    last_id: int | None = session.scalar(select(func.max(some.c.id)))
    if last_id is not None:
        statement = update(WorkItem).where(*waiting, WorkItem.id <= last_id).values(rank=rank_column(order))
        session.execute(statement.execution_options(synchronize_session=False))
    return last_id


def _rank_waiting(session: Session, project_id: int, stage: StageName, order: QueueOrder) -> None:
    """The first items at once, and a job for the rest of a long queue: others want to write meanwhile."""
    last_id = rank_again(session, project_id, stage, order)
    following = select(WorkItem.id).where(
        WorkItem.project_id == project_id, WorkItem.stage == stage, WorkItem.id > (last_id or 0)
    )
    if last_id is not None and session.scalar(following.limit(1)) is not None:
        enqueue_rank(session, project_id, stage)


def enqueue_rank(session: Session, project_id: int, stage: StageName) -> None:
    """Has the whole queue of a stage brought into its order."""
    enqueue(session, "rank", {"stage": stage}, project_id=project_id, dedupe_key=f"rank:{project_id}:{stage}")


def enqueue_draw(session: Session, project_id: int) -> None:
    """Has those done automatic images audited that the share draws now."""
    enqueue(session, "draw_audits", {}, project_id=project_id, dedupe_key=f"draw_audits:{project_id}")


def _differences(before: dict[str, Any], after: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"exit.min_masks": [old, new]}` for every field that is not the same."""
    found: dict[str, Any] = {}
    for name, value in after.items():
        if isinstance(value, dict):
            found |= _differences(before[name], value, f"{prefix}{name}.")
        elif value != before[name]:
            found[prefix + name] = [before[name], value]
    return found
