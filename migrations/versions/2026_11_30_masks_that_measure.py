"""An index of the masks that models may be measured by."""

import sqlalchemy as sa
from alembic import op

revision = "5d2b8c417fa6"
down_revision = "3c7a5e90d1b8"
branch_labels = None
depends_on = None

NAME = "ix_annotations_yardstick"
YARDSTICK = "state = 'accepted' AND (origin <> 'automatic' OR proposal_iou < 1)"


def upgrade() -> None:
    """An index of the masks that models may be measured by."""
    where = sa.text(YARDSTICK)
    op.create_index(NAME, "annotations", ["project_id", "image_id"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Takes it back."""
    op.drop_index(NAME, "annotations")
