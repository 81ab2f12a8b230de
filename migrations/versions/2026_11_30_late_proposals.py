"""Which images a detector has looked at."""

import sqlalchemy as sa
from alembic import op

revision = "c83e0b5f17d2"
down_revision = "a41c97d2e605"
branch_labels = None
depends_on = None

UNPROPOSED = "stage = 'semi_automatic' AND state = 'ready' AND NOT is_proposed AND claimed_at IS NULL"


def upgrade() -> None:
    """Which images a detector has looked at."""
    # With a default that stays: SQLite adds such a column without copying the table.
    op.add_column("work_items", sa.Column("is_proposed", sa.Boolean(), nullable=False, server_default=sa.false()))
    # Where it found nothing nobody knows any more: those it looks at once again.
    op.execute("UPDATE work_items SET is_proposed = TRUE WHERE stage = 'semi_automatic' AND uncertainty IS NOT NULL")
    op.create_index(
        "ix_work_items_unproposed",
        "work_items",
        ["project_id", "id"],
        unique=False,
        sqlite_where=sa.text(UNPROPOSED),
        postgresql_where=sa.text(UNPROPOSED),
    )


def downgrade() -> None:
    """Takes it back."""
    op.drop_index(
        "ix_work_items_unproposed",
        table_name="work_items",
        sqlite_where=sa.text(UNPROPOSED),
        postgresql_where=sa.text(UNPROPOSED),
    )
    with op.batch_alter_table("work_items", schema=None) as batch_op:
        batch_op.drop_column("is_proposed")
