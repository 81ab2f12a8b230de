"""Keeps the table of model versions in step with what the model server serves, and says which one is live where."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.auth.tables import User
from backend.database import Base
from backend.errors import Conflict, NotFound, Unavailable
from backend.events.service import record
from backend.jobs.queue import enqueue
from backend.jobs.resources import Resources
from backend.models.schemas import Kind, PromotionAuthor, PromotionOut
from backend.models.tables import ModelVersion, Promotion
from backend.projects.tables import Project

# After a change of encoder: images whose embeddings are made at once, and how many more when nothing else is to do.
EMBED_SOON, EMBED_LATER = 16, 500
SOON_PRIORITY, LATER_PRIORITY = 10, -10
PROMOTIONS_SHOWN = 500


def record_versions(session: Session, described: list[dict[str, Any]]) -> None:
    """Adds versions not seen before and marks which one is the default now; rows are never removed."""
    session.execute(update(ModelVersion).values(is_default=False))
    for one in described:
        record_version(session, one).is_default = bool(one["is_default"])


def record_version(session: Session, described: dict[str, Any]) -> ModelVersion:
    """The row of a version, added if it was not seen before."""
    row = session.get(ModelVersion, described["model_version"])
    if row is None:
        names = ("name", "family", "image_size", "encoder_fingerprint", "parameters")
        row = ModelVersion(id=described["model_version"], is_default=False, **{name: described[name] for name in names})
        session.add(row)
        session.flush()
    return row


def default_version(session: Session) -> str | None:
    """The version that answers where a project has chosen none; None while the model server was never asked."""
    return session.scalar(select(ModelVersion.id).where(ModelVersion.is_default).limit(1))


def list_versions(session: Session) -> list[ModelVersion]:
    """All versions ever seen, the default first."""
    return list(session.scalars(select(ModelVersion).order_by(ModelVersion.is_default.desc(), ModelVersion.id)))


def require_version(resources: Resources, kind: Kind, version: str) -> None:
    """Makes sure that the model server serves this version. Raises NotFound; Unavailable when nobody can say.

    While the model server is away, a model version that was seen before will do.
    """
    missing = NotFound(f"{kind}_not_found", f"There is no {kind} version {version!r}.")
    if kind == "detector":
        detectors = resources.model.detectors()["detectors"]
        if version not in {one["detector_version"] for one in detectors}:
            raise missing
        return
    try:
        models = resources.model.models()["models"]
    except Unavailable:
        with resources.database.read() as session:
            if session.get(ModelVersion, version) is None:
                raise
        return
    with resources.database.write() as session:
        record_versions(session, models)
    if version not in {one["model_version"] for one in models}:
        raise missing


def promote(
    session: Session,
    project_id: int,
    kind: Kind,
    to_version: str | None,
    *,
    reason: str,
    author_id: int | None,
    run_id: int | None = None,
) -> Promotion:
    """Makes a version the project's live one; None: the model server's default. Two at once come one after the other.

    It holds at once: work on images that are open goes on with the version it began with, the next image is answered
    by the new one. Raises NotFound, Conflict already_live.
    """
    project = lock_project(session, project_id)
    if _live(project, kind) == to_version:
        name = to_version or "The model server's default"
        raise Conflict("already_live", f"{name} is this project's live {kind} already.")
    run_id = run_id or _run_of(session, project_id, to_version)
    promotion = _switch(session, project, kind, to_version, reason=reason, author_id=author_id, run_id=run_id)
    data = _facts(promotion)
    record(session, project_id, f"{kind}.promoted", data, actor_id=author_id, is_audit=True)
    return promotion


def roll_back(session: Session, project_id: int, kind: Kind, *, reason: str, author_id: int | None) -> Promotion:
    """Takes back the newest promotion that is not taken back yet. Raises NotFound, Conflict nothing_to_roll_back."""
    project = lock_project(session, project_id)
    before: list[str | None] = []
    of_kind = (Promotion.project_id == project_id, Promotion.kind == kind)
    for one in session.scalars(select(Promotion).where(*of_kind).order_by(Promotion.id)):
        if one.is_rollback:
            before.pop()
        else:
            before.append(one.from_version)
    if not before:
        raise Conflict("nothing_to_roll_back", f"No {kind} was promoted in this project that could be taken back.")
    promotion = _switch(session, project, kind, before[-1], reason=reason, author_id=author_id, is_rollback=True)
    record(session, project_id, "model.rolled_back", _facts(promotion), actor_id=author_id, is_audit=True)
    return promotion


def reads_other_encoder(session: Session, project: Project) -> bool:
    """Whether the live detector was trained on another encoder than the live model's: it can propose nothing.

    Of a detector that no run of the project made, only the model server knows.
    """
    if project.detector_version is None:
        return False
    runs = Base.metadata.tables["training_runs"].c  # of a feature above this one
    made = (runs.project_id == project.id, runs.kind == "detector", runs.candidate_version == project.detector_version)
    base = session.scalar(select(runs.base_version).where(*made).order_by(runs.id.desc()).limit(1))
    return base is not None and have_other_encoders(session, base, project.model_version)


def have_other_encoders(session: Session, version: str | None, other: str | None) -> bool:
    """Whether two versions (None: the default) are known to have different encoders."""
    encoders = _fingerprint(session, version), _fingerprint(session, other)
    return None not in encoders and encoders[0] != encoders[1]


def list_promotions(session: Session, project_id: int) -> list[PromotionOut]:
    """The newest promotions and rollbacks of a project, newest first."""
    statement = select(Promotion).where(Promotion.project_id == project_id).order_by(Promotion.id.desc())
    return describe_promotions(session, session.scalars(statement.limit(PROMOTIONS_SHOWN)).all())


def describe_promotions(session: Session, promotions: Sequence[Promotion]) -> list[PromotionOut]:
    """As JSON, with the authors' names."""
    ids = {one.author_id for one in promotions}
    names = {row.id: row.name for row in session.execute(select(User.id, User.name).where(User.id.in_(ids)))}
    described = []
    for one in promotions:
        known = one.author_id is not None and one.author_id in names
        author = PromotionAuthor(id=one.author_id or 0, name=names[one.author_id or 0]) if known else None
        plain = {name: getattr(one, name) for name in PromotionOut.model_fields.keys() - {"author"}}
        described.append(PromotionOut.model_validate(plain | {"author": author}))
    return described


def lock_project(session: Session, project_id: int) -> Project:
    """The project as it is now; nobody else promotes in it before this transaction ends. Raises NotFound."""
    statement = select(Project).where(Project.id == project_id, Project.deleted_at.is_(None)).with_for_update()
    project = session.scalar(statement.execution_options(populate_existing=True))
    if project is None:
        raise NotFound("project_not_found", f"There is no project {project_id}.")
    return project


def _live(project: Project, kind: Kind) -> str | None:
    return project.model_version if kind == "model" else project.detector_version


def _switch(
    session: Session,
    project: Project,
    kind: Kind,
    to_version: str | None,
    *,
    reason: str,
    author_id: int | None,
    run_id: int | None = None,
    is_rollback: bool = False,
) -> Promotion:
    promotion = Promotion(
        project_id=project.id,
        kind=kind,
        from_version=_live(project, kind),
        to_version=to_version,
        is_rollback=is_rollback,
        reason=reason,
        author_id=author_id,
        run_id=run_id,
    )
    session.add(promotion)
    if kind == "detector":
        project.detector_version = to_version
    else:
        if _fingerprint(session, to_version) != _fingerprint(session, project.model_version):
            _embed_anew(session, project.id, to_version)
        project.model_version = to_version
    session.flush()
    return promotion


def _run_of(session: Session, project_id: int, version: str | None) -> int | None:
    """The project's run that made this version, if one did; now it is promoted, whatever its gate said."""
    runs = Base.metadata.tables["training_runs"]  # of a feature above this one
    made = (runs.c.project_id == project_id, runs.c.candidate_version == version)
    run_id: int | None = session.scalar(select(runs.c.id).where(*made).order_by(runs.c.id.desc()).limit(1))
    if run_id is not None:
        session.execute(update(runs).where(runs.c.id == run_id).values(state="promoted"))
    return run_id


def _fingerprint(session: Session, version: str | None) -> str | None:
    is_meant = ModelVersion.is_default if version is None else ModelVersion.id == version
    return session.scalar(select(ModelVersion.encoder_fingerprint).where(is_meant).limit(1))


def _embed_anew(session: Session, project_id: int, version: str | None) -> None:
    """Another encoder: the embeddings of the images that wait are made in the order of the queue, as after an upload.

    Whoever is faster than that waits for one encoding at their first click on an image.
    """
    items = Base.metadata.tables["work_items"].c  # of a feature above this one
    waiting = select(items.image_id).where(
        items.project_id == project_id, items.state.in_(("ready", "claimed", "proposing"))
    )
    ids = session.scalars(waiting.order_by(items.rank, items.id).limit(EMBED_SOON + EMBED_LATER)).all()
    for part, priority in ((ids[:EMBED_SOON], SOON_PRIORITY), (ids[EMBED_SOON:], LATER_PRIORITY)):
        if part:
            key = f"embed:{project_id}:{version}:{priority}"
            args = {"image_ids": list(part)}
            enqueue(session, "embed", args, project_id=project_id, dedupe_key=key, priority=priority)


def _facts(promotion: Promotion) -> dict[str, Any]:
    names = ("kind", "from_version", "to_version", "reason", "run_id")
    return {name: getattr(promotion, name) for name in names}
