"""Every change of a mask moves one count from the cell it was in to the cell it is in now.

By version, by author, and by the thresholds that audited masks and decided proposals pass.
"""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from backend.annotations.audit_counts import AuditCell, audit_cell_of, image_cell
from backend.annotations.proposal_counts import ProposalCell, proposal_cell_of
from backend.annotations.tables import Annotation, AuditCount, AuthorCount, MaskCount, ProposalCount
from backend.database import at_commit

COMMIT_RANK = 1
MAX_CLICKS = 20
MAX_SECONDS_BUCKET = 60
# SQLite takes at most 32766 values in a statement.
ROWS_PER_STATEMENT = 1000


class Cell(NamedTuple):
    """Where a mask is counted; see the tables of counts. `author_id` 0: nobody."""

    project_id: int
    stage: str
    model_version: str
    author_id: int
    outcome: str
    clicks: int
    seconds_bucket: int
    audit: AuditCell | None
    proposal: ProposalCell | None


def cell_of(row: Annotation) -> Cell | None:
    """Where this mask is counted as it stands now; None for a deleted one. Ask before and after a change."""
    outcome = _outcome(row)
    if outcome is None:
        return None
    clicks = min(MAX_CLICKS, row.clicks)
    return Cell(
        project_id=row.project_id,
        stage=row.stage,
        model_version=row.model_version or "",
        author_id=row.author_id or 0,
        outcome=outcome,
        clicks=clicks,
        seconds_bucket=seconds_bucket(row.active_seconds),
        audit=audit_cell_of(row),
        proposal=proposal_cell_of(row, outcome=outcome, clicks=clicks),
    )


def seconds_bucket(seconds: float) -> int:
    """Four buckets for each doubling of 1 + seconds: bucket b holds [2^(b/4) - 1, 2^((b+1)/4) - 1)."""
    return min(MAX_SECONDS_BUCKET, math.floor(4 * math.log2(1 + seconds)))


def count_change(session: Session, before: Cell | None, after: Cell | None, *, n: int = 1) -> None:
    """Moves one mask (or `n`) from cell to cell; None: it was, or is now, not counted.

    Written when the transaction commits, all changes together and in order: transactions cannot deadlock. Who needs
    the counts before that calls `write_counts`.
    """
    changes = _pending(session)
    if before is not None:
        changes[before] -= n
    if after is not None:
        changes[after] += n


def count_many(session: Session, cells: Iterable[Cell]) -> None:
    """Counts new masks, written as `count_change` says."""
    _pending(session).update(cells)


def count_audited_image(session: Session, project_id: int, model_version: str, change: int) -> None:
    """One image with audited masks more (1) or less (-1), written as `count_change` says."""
    _pending_audits(session)[image_cell(project_id, model_version)] += change


def write_counts(session: Session) -> None:
    """Writes the changes that wait for the commit now."""
    changes: Counter[Cell] = session.info.pop(write_counts, Counter())
    audits: Counter[AuditCell] = session.info.pop(AuditCell, Counter())
    proposals: Counter[ProposalCell] = Counter()
    for cell, change in changes.items():
        if cell.audit is not None:
            audits[cell.audit] += change
        if cell.proposal is not None:
            proposals[cell.proposal] += change
    _add(session, MaskCount, changes.items())
    _add(session, AuthorCount, ((cell, change) for cell, change in changes.items() if cell.author_id))
    _add(session, AuditCount, audits.items())
    _add(session, ProposalCount, proposals.items())


def _add(
    session: Session,
    table: type[MaskCount] | type[AuthorCount] | type[AuditCount] | type[ProposalCount],
    changes: Iterable[tuple[Cell | AuditCell | ProposalCell, int]],
) -> None:
    names = [column.name for column in table.__table__.primary_key]
    sums: Counter[tuple[Any, ...]] = Counter()
    for cell, change in changes:
        sums[tuple(getattr(cell, name) for name in names)] += change
    # Sorted: two transactions that change the same rows lock them in the same order.
    rows = [dict(zip(names, key, strict=True)) | {"count": sums[key]} for key in sorted(sums) if sums[key] != 0]
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        statement = postgresql.insert(table) if is_postgresql else sqlite.insert(table)
        statement = statement.values(rows[start : start + ROWS_PER_STATEMENT])
        values = {"count": table.count + statement.excluded.count}
        session.execute(statement.on_conflict_do_update(index_elements=names, set_=values))


def _pending(session: Session) -> Counter[Cell]:
    at_commit(session, COMMIT_RANK, write_counts)
    changes: Counter[Cell] = session.info.setdefault(write_counts, Counter())
    return changes


def _pending_audits(session: Session) -> Counter[AuditCell]:
    at_commit(session, COMMIT_RANK, write_counts)
    changes: Counter[AuditCell] = session.info.setdefault(AuditCell, Counter())
    return changes


def _outcome(row: Annotation) -> str | None:
    if row.state == "deleted":
        return None
    if row.origin in ("detector", "automatic") and row.proposal is not None:
        return _proposal_outcome(row)
    return "imported" if row.origin == "imported" else "added"


def _proposal_outcome(row: Annotation) -> str:
    if row.state in ("proposed", "rejected"):
        return row.state
    if row.proposal is not None and row.proposal["rle"]["counts"] != row.counts:
        return "edited"
    is_unseen = row.origin == "automatic" and row.author_id is None and not row.is_audited
    return "automatic" if is_unseen else "kept"
