"""What a finished image was before somebody looked at it."""

import sqlalchemy as sa
from alembic import op

revision = "a41c97d2e605"
down_revision = "c92e6b40d8a7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What a finished image was before somebody looked at it."""
    # No foreign key, so that SQLite adds them without copying the table.
    op.add_column("work_items", sa.Column("state_before", sa.String(length=12), nullable=True))
    op.add_column("work_items", sa.Column("claimed_by_before", sa.Integer(), nullable=True))
    op.add_column("work_items", sa.Column("revisions_before", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Takes it back."""
    with op.batch_alter_table("work_items", schema=None) as batch_op:
        batch_op.drop_column("revisions_before")
        batch_op.drop_column("claimed_by_before")
        batch_op.drop_column("state_before")
