"""Images that were done before they moved on are counted apart, with the version they were done with."""

from alembic import op

revision = "a4f81d27c6e3"
down_revision = "5d2b8c417fa6"
branch_labels = None
depends_on = None

COUNT = "INSERT INTO work_counts (project_id, stage, state, model_version, count) SELECT project_id, stage,"


def upgrade() -> None:
    """Images that were done before they moved on are counted apart, with the version they were done with."""
    op.execute("DELETE FROM work_counts WHERE state = 'moved'")
    moved = "count(*) FROM work_items WHERE state = 'moved' AND finished_at"
    op.execute(f"{COUNT} 'moved', '', {moved} IS NULL GROUP BY project_id, stage")
    version = "coalesce(model_version, '')"
    op.execute(f"{COUNT} 'moved_done', {version}, {moved} IS NOT NULL GROUP BY project_id, stage, {version}")


def downgrade() -> None:
    """Takes it back."""
    op.execute("DELETE FROM work_counts WHERE state IN ('moved', 'moved_done')")
    op.execute(f"{COUNT} 'moved', '', count(*) FROM work_items WHERE state = 'moved' GROUP BY project_id, stage")
