"""Audited masks, counted by the thresholds they pass."""

import json
from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "5be2a91c7d40"
down_revision = "b7d24c90ef13"
branch_labels = None
depends_on = None

KEYS = ("project_id", "outcome", "predicted_step", "stability_step", "iou_step")


def upgrade() -> None:
    """Audited masks, counted by the thresholds they pass."""
    op.create_table(
        "audit_counts",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("predicted_step", sa.Integer(), nullable=False),
        sa.Column("stability_step", sa.Integer(), nullable=False),
        sa.Column("iou_step", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_audit_counts_project_id_projects")),
        sa.PrimaryKeyConstraint(*KEYS, name=op.f("pk_audit_counts")),
    )
    _count_audited()
    op.drop_index(
        "ix_annotations_audited",
        table_name="annotations",
        sqlite_where=sa.text("is_audited = 1"),
        postgresql_where=sa.text("is_audited"),
    )


def _count_audited() -> None:
    """Fills the counts from the masks there are, as annotations.audit_counts does for each change."""
    rows = op.get_bind().execute(
        sa.text(
            "SELECT project_id, image_id, state, proposal, proposal_iou FROM annotations "
            "WHERE is_audited AND state <> 'deleted'"
        )
    )
    cells: Counter[tuple[object, ...]] = Counter()
    images: set[tuple[int, int]] = set()
    for project_id, image_id, state, proposal, agreement in rows:
        outcome = "rejected" if state == "rejected" else "standing"
        # SQLite keeps JSON as text; PostgreSQL's driver has read it.
        made = (json.loads(proposal) if isinstance(proposal, str) else proposal) or {}
        predicted, stability = (made.get(name) or 0.0 for name in ("predicted_iou", "stability_score"))
        steps = (
            sum(predicted > bound for bound in (0.80, 0.84, 0.88, 0.92, 0.96)),
            sum(stability >= bound for bound in (0.90, 0.95, 0.97)),
            sum((agreement or 0.0) > bound for bound in (0.75, 0.90)),
        )
        cells[(project_id, outcome, *steps)] += 1
        images.add((project_id, image_id))
    cells.update((project_id, "image", 0, 0, 0) for project_id, _ in images)
    table = sa.table("audit_counts", *(sa.column(key) for key in (*KEYS, "count")))
    if cells:
        op.bulk_insert(table, [dict(zip(KEYS, cell, strict=True)) | {"count": n} for cell, n in cells.items()])


def downgrade() -> None:
    """Takes it back."""
    op.create_index(
        "ix_annotations_audited",
        "annotations",
        ["project_id", "id"],
        unique=False,
        sqlite_where=sa.text("is_audited = 1"),
        postgresql_where=sa.text("is_audited"),
    )
    op.drop_table("audit_counts")
