"""Audits by the version that made the masks, and with lower thresholds."""

import json
from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "c92e6b40d8a7"
down_revision = "a4f81d27c6e3"
branch_labels = None
depends_on = None

STEPS = ("predicted_step", "stability_step", "iou_step")
AGREEMENT = (0.75, 0.90)
# What the item of an audited image says: a correction may have been made with a later version than the mask.
MAKER = (
    "(SELECT work_items.model_version FROM work_items"
    " WHERE work_items.image_id = annotations.image_id AND work_items.stage = 'fully_automatic')"
)


def upgrade() -> None:
    """Audits by the version that made the masks, and with lower thresholds."""
    op.add_column("annotations", sa.Column("audited_version", sa.String(length=120), nullable=True))
    op.execute(f"UPDATE annotations SET audited_version = coalesce({MAKER}, model_version, '') WHERE is_audited")
    op.execute(
        f"UPDATE annotations SET audited_version = coalesce({MAKER}, '')"
        " WHERE stage = 'fully_automatic' AND origin IN ('model', 'manual')"
        " AND image_id IN (SELECT image_id FROM work_items WHERE is_audit AND state = 'done')"
    )
    op.drop_table("audit_counts")
    _make_counts(
        keys=("project_id", "model_version", "outcome", *STEPS),
        predicted_bounds=(0.50, 0.60, 0.65, 0.70, 0.75, 0.80, 0.84, 0.88, 0.92, 0.96),
        stability_bounds=(0.50, 0.65, 0.80, 0.90, 0.95, 0.97),
    )


def downgrade() -> None:
    """Takes it back."""
    op.drop_table("audit_counts")
    _make_counts(
        keys=("project_id", "outcome", *STEPS),
        predicted_bounds=(0.80, 0.84, 0.88, 0.92, 0.96),
        stability_bounds=(0.90, 0.95, 0.97),
    )
    with op.batch_alter_table("annotations", schema=None) as batch_op:
        batch_op.drop_column("audited_version")


def _make_counts(*, keys: Sequence[str], predicted_bounds: Sequence[float], stability_bounds: Sequence[float]) -> None:
    """Makes the table and fills it from the masks there are, as annotations.audit_counts does for each change."""
    types = {"model_version": sa.String(length=120), "outcome": sa.String(length=12)}
    table = op.create_table(
        "audit_counts",
        *(sa.Column(key, types.get(key, sa.Integer()), nullable=False) for key in keys),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_audit_counts_project_id_projects")),
        sa.PrimaryKeyConstraint(*keys, name=op.f("pk_audit_counts")),
    )
    has_versions = "model_version" in keys
    rows = op.get_bind().execute(
        sa.text(
            "SELECT project_id, image_id, audited_version, origin, state, proposal, proposal_iou FROM annotations "
            "WHERE audited_version IS NOT NULL AND state <> 'deleted'"
        )
    )
    cells: Counter[tuple[object, ...]] = Counter()
    images: set[tuple[object, ...]] = set()
    for project_id, image_id, version, origin, state, proposal, agreement in rows:
        key = (project_id, version) if has_versions else (project_id,)
        if origin != "automatic":
            cells[(*key, "added", 0, 0, 0)] += has_versions
            continue
        # SQLite keeps JSON as text; PostgreSQL's driver has read it.
        made = (json.loads(proposal) if isinstance(proposal, str) else proposal) or {}
        predicted, stability = (made.get(name) or 0.0 for name in ("predicted_iou", "stability_score"))
        steps = (
            sum(predicted > bound for bound in predicted_bounds),
            sum(stability >= bound for bound in stability_bounds),
            sum((agreement or 0.0) > bound for bound in AGREEMENT),
        )
        cells[(*key, "rejected" if state == "rejected" else "standing", *steps)] += 1
        images.add((*key, image_id))
    cells.update((*key, "image", 0, 0, 0) for *key, _ in images)
    counted = [dict(zip(keys, cell, strict=True)) | {"count": n} for cell, n in cells.items() if n]
    if counted:
        op.bulk_insert(table, counted)
