"""A project's training policy: read, change, and what a single run makes of it."""

from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.errors import Conflict, Unprocessable
from backend.events.service import record
from backend.projects.service import get_project
from backend.training.frozen import MIN_FROZEN_IMAGES, count_frozen_images
from backend.training.schemas import Policy, PolicyOut, TrainOptions
from backend.training.tables import Snapshot, TrainingPolicy

Model = TypeVar("Model", bound=BaseModel)


def read_policy(session: Session, project_id: int) -> tuple[Policy, int]:
    """The policy and its revision, 0 as long as nobody changed the defaults."""
    row = session.get(TrainingPolicy, project_id)
    return (Policy(), 0) if row is None else (Policy.model_validate(row.policy), row.revision)


def frozen_share(session: Session, project_id: int) -> float:
    """The share of images that is never trained on: the first snapshot's, the policy's as long as there is none."""
    shares = select(Snapshot.frozen_share).where(Snapshot.project_id == project_id)
    first = session.scalar(shares.order_by(Snapshot.number).limit(1))
    return read_policy(session, project_id)[0].frozen_share if first is None else first


def describe_policy(session: Session, project_id: int, hook_command: str) -> PolicyOut:
    """As JSON, without its secret."""
    policy, revision = read_policy(session, project_id)
    return PolicyOut(
        policy=policy.model_copy(update={"hook_secret": None}),
        revision=revision,
        has_hook_secret=policy.hook_secret is not None,
        is_hook_command_allowed=bool(hook_command),
        frozen_images=count_frozen_images(session, project_id, frozen_share(session, project_id)),
        frozen_images_needed=MIN_FROZEN_IMAGES,
    )


def change_policy(
    session: Session, project_id: int, changes: dict[str, Any], revision: int, *, hook_command: str, actor_id: int
) -> None:
    """Changes some fields. A `hook_secret` of None leaves the one there is; it goes with the address.

    Raises Unprocessable; Conflict policy_changed, frozen_share_fixed.
    """
    get_project(session, project_id)
    row = session.get(TrainingPolicy, project_id, with_for_update=True)
    known = 0 if row is None else row.revision
    if revision != known:
        raise Conflict(
            "policy_changed", "Somebody changed this policy meanwhile; look at it and change it again.", revision=known
        )
    before = Policy() if row is None else Policy.model_validate(row.policy)
    after = _validate(Policy, _merged(before.model_dump(), changes))
    secret = (after.hook_secret or before.hook_secret) if after.hook_url else None
    after = after.model_copy(update={"hook_secret": secret})
    if after.hook_command:
        require_hook_command(hook_command)
    has_snapshots = session.scalar(select(Snapshot.id).where(Snapshot.project_id == project_id).limit(1)) is not None
    if after.frozen_share != before.frozen_share and has_snapshots:
        raise Conflict(
            "frozen_share_fixed",
            "The first snapshot fixed which images are never trained on; another share would mix them with the others.",
        )
    if row is None:
        session.add(TrainingPolicy(project_id=project_id, policy=after.model_dump(), revision=1))
    else:
        row.policy, row.revision = after.model_dump(), row.revision + 1
    shown = after.model_dump(exclude={"hook_secret"})
    if shown["hook_url"]:
        shown["hook_url"] = urlsplit(shown["hook_url"]).hostname  # alone: an address may carry a password
    data = {"changes": {name: shown[name] for name in changes if name in shown}}
    record(session, project_id, "training.policy_changed", data, actor_id=actor_id, is_audit=True)
    session.flush()


def options_of(policy: Policy, changes: dict[str, Any]) -> TrainOptions:
    """How one run trains: the policy with some changes. Raises Unprocessable."""
    names = TrainOptions.model_fields.keys()
    return _validate(TrainOptions, _merged(policy.model_dump(include=set(names)), changes))


def require_hook_command(hook_command: str) -> None:
    """Raises Unprocessable where the installation has no command that trains."""
    if not hook_command:
        raise Unprocessable(
            "hook_command_not_allowed", "This installation has no command that trains (SEGLOOP_TRAINING_HOOK_COMMAND)."
        )


def _merged(before: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    gate = changes.get("gate")
    nested = {"gate": before["gate"] | gate} if isinstance(gate, dict) else {}
    return before | changes | nested


def _validate(model: type[Model], values: dict[str, Any]) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise Unprocessable("invalid_policy", f"{where}: {first['msg']}") from error
