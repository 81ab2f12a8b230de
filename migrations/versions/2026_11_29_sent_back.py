"""An index of the images that reviewers sent back."""

import sqlalchemy as sa
from alembic import op

revision = "e19d3f6b8a52"
down_revision = "5be2a91c7d40"
branch_labels = None
depends_on = None

SENT_BACK = "sent_back_reason IS NOT NULL"


def upgrade() -> None:
    """An index of the images that reviewers sent back."""
    op.create_index(
        "ix_work_items_sent_back",
        "work_items",
        ["project_id", "claimed_by", "state", "rank", "id"],
        unique=False,
        sqlite_where=sa.text(SENT_BACK),
        postgresql_where=sa.text(SENT_BACK),
    )


def downgrade() -> None:
    """Takes it back."""
    op.drop_index(
        "ix_work_items_sent_back",
        table_name="work_items",
        sqlite_where=sa.text(SENT_BACK),
        postgresql_where=sa.text(SENT_BACK),
    )
