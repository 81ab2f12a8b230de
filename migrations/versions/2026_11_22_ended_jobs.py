"""An index of the jobs that ended last."""

from alembic import op

revision = "b7d24c90ef13"
down_revision = "8c1f0e6a2b74"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An index of the jobs that ended last."""
    op.create_index("ix_jobs_ended", "jobs", ["project_id", "finished_at"], unique=False)


def downgrade() -> None:
    """Takes it back."""
    op.drop_index("ix_jobs_ended", table_name="jobs")
