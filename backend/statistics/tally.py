"""Sums over the counts of masks, and the medians of their buckets."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, func, literal, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from backend.annotations.tables import AuthorCount, MaskCount

# Masks a person decided on; then those that stand in the dataset.
BY_PEOPLE = ("kept", "edited", "added")
STANDING = (*BY_PEOPLE, "automatic", "imported")
# Masks that cost a person time from the first click on; those of a model are judged, not drawn.
DRAWN = "added"


@dataclass
class Tally:
    """Masks by outcome; of those that people drew, how many took how many clicks and how long."""

    outcomes: Counter[str] = field(default_factory=Counter)
    clicks: Counter[float] = field(default_factory=Counter)
    seconds_buckets: Counter[int] = field(default_factory=Counter)

    def add(self, outcome: str, clicks: int, seconds_bucket: int, count: int) -> None:
        """Adds one cell."""
        self.outcomes[outcome] += count
        if outcome == DRAWN:
            self.clicks[clicks] += count
            self.seconds_buckets[seconds_bucket] += count

    @property
    def seconds(self) -> dict[float, int]:
        """The masks by the middles of their buckets."""
        return {middle_seconds(bucket): count for bucket, count in self.seconds_buckets.items()}

    def count(self, *outcomes: str) -> int:
        """How many masks have one of these outcomes."""
        return sum(self.outcomes[outcome] for outcome in outcomes)


def read_tallies(
    session: Session,
    project_id: int,
    table: type[MaskCount] | type[AuthorCount],
    by: InstrumentedAttribute[Any],
    *conditions: ColumnElement[bool],
) -> dict[Any, Tally]:
    """The project's masks (those that meet the conditions), by one column of the table."""
    of_project = (table.project_id == project_id, table.count != 0, *conditions)
    drawn = select(by, table.outcome, table.clicks, table.seconds_bucket, table.count)
    # Of the others only the number matters, and they are most of the thousands of cells.
    others = select(by, table.outcome, literal(0), literal(0), func.sum(table.count))
    cells = union_all(
        drawn.where(*of_project, table.outcome == DRAWN),
        others.where(*of_project, table.outcome != DRAWN).group_by(by, table.outcome),
    )
    tallies: dict[Any, Tally] = {}
    for key, *cell in session.execute(cells):
        tally = tallies.get(key)
        if tally is None:  # made only when it is missing: there are thousands of cells
            tally = tallies[key] = Tally()
        tally.add(*cell)
    return tallies


def middle_seconds(bucket: int) -> float:
    """The geometric middle of a bucket of 1 + seconds (annotations.counts.seconds_bucket), as seconds.

    A bucket is 2^(1/4) wide, so that what fell into it lies within 9 % of 1 + seconds.
    """
    return float(2.0 ** ((bucket + 0.5) / 4) - 1)


def median(counts: Mapping[float, int]) -> float | None:
    """The median of values that were counted; between the two in the middle when they differ. None of nothing."""
    total = sum(counts.values())
    if total == 0:
        return None
    return (_at(counts, (total - 1) // 2) + _at(counts, total // 2)) / 2


def mean(counts: Mapping[float, int]) -> float | None:
    """The mean of values that were counted; None of nothing."""
    total = sum(counts.values())
    return sum(value * count for value, count in counts.items()) / total if total else None


def _at(counts: Mapping[float, int], position: int) -> float:
    """The value at this position of all values in order."""
    for value in sorted(counts):
        position -= counts[value]
        if position < 0:
            return value
    raise IndexError("position beyond the last value")
