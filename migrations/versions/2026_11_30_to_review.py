"""The index of images to review: those that people finished."""

import sqlalchemy as sa
from alembic import op

revision = "f06d2a9b4e31"
down_revision = "c83e0b5f17d2"
branch_labels = None
depends_on = None

BEFORE = "state = 'done' AND reviewed_by IS NULL"
TO_REVIEW = "state = 'done' AND reviewed_by IS NULL AND claimed_by IS NOT NULL"


def upgrade() -> None:
    """The index of images to review: those that people finished."""
    _replace(BEFORE, TO_REVIEW)


def downgrade() -> None:
    """Takes it back."""
    _replace(TO_REVIEW, BEFORE)


def _replace(before: str, after: str) -> None:
    name, columns = "ix_work_items_to_review", ["project_id", "image_id"]
    op.drop_index(name, table_name="work_items", sqlite_where=sa.text(before), postgresql_where=sa.text(before))
    where = sa.text(after)
    op.create_index(name, "work_items", columns, unique=False, sqlite_where=where, postgresql_where=where)
