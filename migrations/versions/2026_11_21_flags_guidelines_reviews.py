"""flags, comments, guidelines, reviews."""

import sqlalchemy as sa
from alembic import op

revision = "8c1f0e6a2b74"
down_revision = "4533d4b65ffc"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """flags, comments, guidelines, reviews."""
    # With defaults that stay: SQLite adds such columns without copying the table.
    op.add_column("annotations", sa.Column("flags", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("annotations", sa.Column("comment", sa.Text(), nullable=False, server_default=""))
    op.add_column("projects", sa.Column("guidelines", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("work_items", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reviewed_by", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("sent_back_reason", sa.Text(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_work_items_reviewed_by_users"), "users", ["reviewed_by"], ["id"])
        batch_op.create_index(
            "ix_work_items_to_review",
            ["project_id", "image_id"],
            unique=False,
            sqlite_where=sa.text("state = 'done' AND reviewed_by IS NULL"),
            postgresql_where=sa.text("state = 'done' AND reviewed_by IS NULL"),
        )


def downgrade() -> None:
    """Takes it back."""
    with op.batch_alter_table("work_items", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_work_items_to_review",
            sqlite_where=sa.text("state = 'done' AND reviewed_by IS NULL"),
            postgresql_where=sa.text("state = 'done' AND reviewed_by IS NULL"),
        )
        batch_op.drop_constraint(batch_op.f("fk_work_items_reviewed_by_users"), type_="foreignkey")
        batch_op.drop_column("sent_back_reason")
        batch_op.drop_column("reviewed_by")

    with op.batch_alter_table("projects", schema=None) as batch_op:
        batch_op.drop_column("guidelines")

    with op.batch_alter_table("annotations", schema=None) as batch_op:
        batch_op.drop_column("comment")
        batch_op.drop_column("flags")
