"""The figures of a project, all from counts that are kept as work goes on: nothing here reads masks or images."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.annotations.tables import AuthorCount, MaskCount
from backend.auth.tables import User
from backend.models.tables import ModelVersion, Promotion
from backend.stages.counts import FINISHED, MOVED_DONE
from backend.stages.policies import AUTOMATIC_STAGE, STAGES
from backend.stages.tables import WorkCount
from backend.statistics.schemas import Flywheel, Overview, People, PersonFigures, Round, RunFigures, StageOverview
from backend.statistics.tally import BY_PEOPLE, STANDING, Tally, mean, median, read_tallies
from backend.training.tables import TrainingRun


def read_overview(session: Session, project_id: int) -> Overview:
    """Images by state and masks by outcome of every stage, with what a mask costs there."""
    tallies = read_tallies(session, project_id, MaskCount, MaskCount.stage)
    images = _count_images(session, project_id)
    stages = []
    for stage in STAGES:
        tally = tallies.get(stage, Tally())
        by_state = images.get(stage, Counter())
        moved_done = by_state.pop(MOVED_DONE, 0)
        by_state["moved"] += moved_done
        described = StageOverview(
            stage=stage,
            images={state: count for state, count in sorted(by_state.items()) if count},
            masks={outcome: count for outcome, count in sorted(tally.outcomes.items()) if count},
            median_seconds=median(tally.seconds),
            median_clicks=median(tally.clicks),
            masks_per_image=_ratio(tally.count(*STANDING), by_state["done"] + moved_done),
        )
        stages.append(described)
    return Overview(stages=stages, total_masks=sum(tally.count(*STANDING) for tally in tallies.values()))


def read_flywheel(session: Session, project_id: int) -> Flywheel:
    """The work done with each model version, in order of promotion: does a better model make it cheaper?"""
    tallies: dict[str, Tally] = read_tallies(session, project_id, MaskCount, MaskCount.model_version)
    tallies.pop("", None)  # drawn without a model
    # What people make of automatic masks is the audit's: they look at few of them, and leave most untouched.
    is_proposed = MaskCount.stage != AUTOMATIC_STAGE
    proposals: dict[str, Tally] = read_tallies(session, project_id, MaskCount, MaskCount.model_version, is_proposed)
    promotions = _read_promotions(session, project_id)
    first_promoted: dict[str, datetime] = {}
    for promotion in promotions:
        if promotion.to_version is not None:
            first_promoted.setdefault(promotion.to_version, promotion.created_at)
    unpromoted = [version for version in tallies if version not in first_promoted]
    in_order = [*_by_age(session, unpromoted), *first_promoted]
    finished = _count_finished_by_version(session, project_id)
    figures = _read_figures(session, project_id, promotions, default=in_order[0] if unpromoted else None)
    rounds = []
    for version in in_order:
        tally, proposed = tallies.get(version, Tally()), proposals.get(version, Tally())
        described = Round(
            model_version=version,
            promoted_at=first_promoted.get(version),
            masks=tally.count(*STANDING),
            median_seconds=median(tally.seconds),
            mean_seconds=mean(tally.seconds),
            median_clicks=median(tally.clicks),
            mean_clicks=mean(tally.clicks),
            masks_per_image=_ratio(tally.count(*STANDING), finished.get(version, 0)),
            run=figures.get(version),
            **{outcome: proposed.outcomes[outcome] for outcome in ("kept", "edited", "rejected", "added")},
        )
        rounds.append(described)
    return Flywheel(rounds=rounds)


def read_people(session: Session, project_id: int) -> People:
    """What each person did, by name."""
    tallies = read_tallies(session, project_id, AuthorCount, AuthorCount.author_id)
    users = session.execute(select(User.id, User.name).where(User.id.in_(list(tallies))).order_by(User.name, User.id))
    people = []
    for user_id, name in users:
        tally = tallies[user_id]
        figures = PersonFigures(
            id=user_id,
            name=name,
            masks=tally.count(*BY_PEOPLE),
            median_seconds=median(tally.seconds),
            median_clicks=median(tally.clicks),
            **{outcome: tally.outcomes[outcome] for outcome in ("kept", "edited", "rejected")},
        )
        people.append(figures)
    return People(people=people)


def _count_images(session: Session, project_id: int) -> dict[str, Counter[str]]:
    """Images by stage and the state they are counted in."""
    cell = (WorkCount.stage, WorkCount.state)
    statement = select(*cell, func.sum(WorkCount.count)).where(WorkCount.project_id == project_id).group_by(*cell)
    counts: dict[str, Counter[str]] = {}
    for stage, state, count in session.execute(statement):
        counts.setdefault(stage, Counter())[state] = int(count)
    return counts


def _count_finished_by_version(session: Session, project_id: int) -> dict[str, int]:
    """Images that were finished while each version was live; one that was finished in two stages counts in both."""
    of_project = (WorkCount.project_id == project_id, WorkCount.state.in_(FINISHED))
    statement = select(WorkCount.model_version, func.sum(WorkCount.count)).where(*of_project)
    return {version: int(count) for version, count in session.execute(statement.group_by(WorkCount.model_version))}


def _read_promotions(session: Session, project_id: int) -> list[Promotion]:
    """Of models, oldest first."""
    of_project = (Promotion.project_id == project_id, Promotion.kind == "model")
    return list(session.scalars(select(Promotion).where(*of_project).order_by(Promotion.id)))


def _by_age(session: Session, versions: list[str]) -> list[str]:
    """In the order in which the model server first described them."""
    rows = session.execute(select(ModelVersion.id, ModelVersion.created_at).where(ModelVersion.id.in_(versions)))
    first_seen = {version: created_at.timestamp() for version, created_at in rows}
    return sorted(versions, key=lambda version: (first_seen.get(version, 0.0), version))


def _read_figures(
    session: Session, project_id: int, promotions: list[Promotion], *, default: str | None
) -> dict[str, RunFigures]:
    """By version: how it did as the candidate of its newest run; else as the live version of the run that replaced it.

    `default`: the version that a promotion from None took over from.
    """
    columns = (TrainingRun.id, TrainingRun.candidate_version, TrainingRun.metrics)
    of_project = (TrainingRun.project_id == project_id, TrainingRun.kind == "model", TrainingRun.metrics.is_not(None))
    rows = session.execute(select(*columns).where(*of_project).order_by(TrainingRun.id)).all()
    metrics_of = {run_id: metrics for run_id, _, metrics in rows}
    figures: dict[str, RunFigures] = {}
    for promotion in promotions:
        replaced = promotion.from_version or default
        found = _figures(promotion.run_id, metrics_of.get(promotion.run_id), "live")
        if replaced is not None and found is not None:
            figures.setdefault(replaced, found)
    for run_id, candidate, metrics in rows:
        found = _figures(run_id, metrics, "candidate")
        if candidate is not None and found is not None:
            figures[candidate] = found
    return figures


def _figures(
    run_id: int | None, metrics: Mapping[str, Any] | None, who: Literal["live", "candidate"]
) -> RunFigures | None:
    """What one of the two versions of a run reached on the frozen masks; None when there were none."""
    frozen = (metrics or {}).get("frozen")
    if not metrics or not frozen:
        return None
    change = frozen | {"model_version": metrics.get("compared_with")} if who == "candidate" else None
    return RunFigures.model_validate(frozen[who] | {"id": run_id, "change": change})


def _ratio(masks: int, images: int) -> float | None:
    return masks / images if images > 0 else None
