"""Decided proposals, counted by the thresholds that their scores reach."""

import sqlalchemy as sa
from alembic import op

revision = "92b7d0e4c51f"
down_revision = "f06d2a9b4e31"
branch_labels = None
depends_on = None

KEYS = ("project_id", "detector_version", "outcome", "score_step", "clicks")


def upgrade() -> None:
    """The table starts empty: proposals so far do not say which detector found them, and scores of two detectors
    cannot be compared."""
    op.create_table(
        "proposal_counts",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("detector_version", sa.String(length=120), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("score_step", sa.Integer(), nullable=False),
        sa.Column("clicks", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_proposal_counts_project_id_projects")),
        sa.PrimaryKeyConstraint(*KEYS, name=op.f("pk_proposal_counts")),
    )


def downgrade() -> None:
    """Without the table."""
    op.drop_table("proposal_counts")
