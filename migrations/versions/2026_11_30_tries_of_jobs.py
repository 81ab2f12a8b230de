"""How often a job was tried since it last got on."""

import sqlalchemy as sa
from alembic import op

revision = "3c7a5e90d1b8"
down_revision = "e19d3f6b8a52"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """How often a job was tried since it last got on."""
    # With a default that stays: SQLite adds such a column without copying the table.
    op.add_column("jobs", sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE jobs SET tries = attempt")
    # Each turn of such a job counted as an attempt, and raised how many it may have.
    op.execute("UPDATE jobs SET tries = 0, max_attempts = 20 WHERE kind = 'propose'")


def downgrade() -> None:
    """Takes it back."""
    op.execute("UPDATE jobs SET max_attempts = max_attempts + attempt - tries")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_column("tries")
