"""the data engine."""

import math
from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "4533d4b65ffc"
down_revision = "0abd80804431"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """the data engine."""
    op.create_table(
        "periodic_runs",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("last_run", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_periodic_runs")),
    )
    op.create_table(
        "admissions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("from_stage", sa.String(length=20), nullable=False),
        sa.Column("to_stage", sa.String(length=20), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("image_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reverted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reverted_count", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_admissions_author_id_users")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_admissions_project_id_projects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admissions")),
    )
    op.create_index("ix_admissions_project_id", "admissions", ["project_id", "id"], unique=False)

    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("is_audit", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_events_actor_id_users")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_events_project_id_projects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_project_id", "events", ["project_id", "id"], unique=False)

    op.create_table(
        "mask_counts",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("model_version", sa.String(length=120), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("clicks", sa.Integer(), nullable=False),
        sa.Column("seconds_bucket", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_mask_counts_project_id_projects")),
        sa.PrimaryKeyConstraint(
            "project_id",
            "stage",
            "model_version",
            "outcome",
            "clicks",
            "seconds_bucket",
            name=op.f("pk_mask_counts"),
        ),
    )
    op.create_table(
        "author_counts",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("clicks", sa.Integer(), nullable=False),
        sa.Column("seconds_bucket", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_author_counts_author_id_users")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_author_counts_project_id_projects")),
        sa.PrimaryKeyConstraint(
            "project_id", "author_id", "outcome", "clicks", "seconds_bucket", name=op.f("pk_author_counts")
        ),
    )
    op.create_table(
        "promotions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("from_version", sa.String(length=120), nullable=True),
        sa.Column("to_version", sa.String(length=120), nullable=True),
        sa.Column("is_rollback", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_promotions_author_id_users")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_promotions_project_id_projects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotions")),
    )
    op.create_index("ix_promotions_project_id", "promotions", ["project_id", "kind", "id"], unique=False)

    op.create_table(
        "stages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("exit_reached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_stages_project_id_projects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stages")),
        sa.UniqueConstraint("project_id", "stage", name=op.f("uq_stages_project_id_stage")),
    )
    op.create_table(
        "training_policies",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_training_policies_project_id_projects")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_training_policies")),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.String(length=100), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("last_event_id", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_webhooks_project_id_projects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index("ix_webhooks_project_id", "webhooks", ["project_id"], unique=False)

    op.create_table(
        "work_counts",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("model_version", sa.String(length=120), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_work_counts_project_id_projects")),
        sa.PrimaryKeyConstraint("project_id", "stage", "state", "model_version", name=op.f("pk_work_counts")),
    )
    op.create_table(
        "snapshots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("frozen_share", sa.Double(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("key", sa.String(length=200), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("byte_size", sa.BigInteger(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=True),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_snapshots_created_by_users")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_snapshots_job_id_jobs")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_snapshots_project_id_projects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
        sa.UniqueConstraint("project_id", "number", name=op.f("uq_snapshots_project_id_number")),
    )
    op.create_table(
        "training_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("snapshot_id", sa.Integer(), nullable=True),
        sa.Column("base_version", sa.String(length=120), nullable=True),
        sa.Column("candidate_version", sa.String(length=120), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("trigger", sa.String(length=12), nullable=False),
        sa.Column("mask_count", sa.Integer(), nullable=False),
        sa.Column("curve", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_training_runs_created_by_users")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_training_runs_job_id_jobs")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_training_runs_project_id_projects")),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshots.id"], name=op.f("fk_training_runs_snapshot_id_snapshots")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_runs")),
    )
    op.create_index("ix_training_runs_project_id", "training_runs", ["project_id", "id"], unique=False)

    with op.batch_alter_table("annotations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("proposal_iou", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("is_audited", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.create_index(
            "ix_annotations_audited",
            ["project_id", "id"],
            unique=False,
            sqlite_where=sa.text("is_audited = 1"),
            postgresql_where=sa.text("is_audited"),
        )

    with op.batch_alter_table("projects", schema=None) as batch_op:
        batch_op.add_column(sa.Column("detector_version", sa.String(length=120), nullable=True))

    with op.batch_alter_table("work_items", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rank", sa.Double(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("uncertainty", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("admission_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("moved_by", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("claimed_at", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("is_audit", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("model_version", sa.String(length=120), nullable=True))
        batch_op.drop_index(batch_op.f("ix_work_items_queue"))
        batch_op.create_index("ix_work_items_queue", ["project_id", "stage", "state", "rank", "id"], unique=False)
        batch_op.create_index("ix_work_items_state", ["project_id", "state", "image_id"], unique=False)
        batch_op.create_index("ix_work_items_admission_id", ["admission_id"], unique=False)
        batch_op.create_index("ix_work_items_moved_by", ["moved_by"], unique=False)
        batch_op.create_index("ix_work_items_claimed_by", ["claimed_by", "state"], unique=False)
        batch_op.create_index("ix_work_items_finished_at", ["project_id", "stage", "finished_at"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_work_items_admission_id_admissions"), "admissions", ["admission_id"], ["id"]
        )
        batch_op.create_foreign_key(batch_op.f("fk_work_items_moved_by_admissions"), "admissions", ["moved_by"], ["id"])

    op.create_index("ix_images_project_id", "images", ["project_id", "id"], unique=False)
    op.execute("UPDATE work_items SET rank = image_id")
    with op.batch_alter_table("work_items", schema=None) as batch_op:
        batch_op.alter_column("rank", server_default=None)
        batch_op.alter_column("is_audit", server_default=None)
    with op.batch_alter_table("annotations", schema=None) as batch_op:
        batch_op.alter_column("is_audited", server_default=None)
    op.execute(
        "INSERT INTO work_counts (project_id, stage, state, model_version, count) "
        "SELECT project_id, stage, state, '', count(*) FROM work_items GROUP BY project_id, stage, state"
    )
    _count_masks()


def _count_masks() -> None:
    """Fills the counts from the masks there are, as annotations.counts does for each change."""
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "SELECT project_id, stage, coalesce(model_version, ''), author_id, origin, clicks, "
            "active_seconds FROM annotations WHERE state = 'accepted'"
        )
    )
    by_version: Counter[tuple[object, ...]] = Counter()
    by_author: Counter[tuple[object, ...]] = Counter()
    for project_id, stage, model_version, author_id, origin, clicks, seconds in rows:
        outcome = "imported" if origin == "imported" else "added"
        bucket = min(60, math.floor(4 * math.log2(1 + seconds)))
        cell = (outcome, min(20, clicks), bucket)
        by_version[(project_id, stage, model_version, *cell)] += 1
        if author_id is not None:
            by_author[(project_id, author_id, *cell)] += 1
    ends = ("outcome", "clicks", "seconds_bucket")
    for name, keys, cells in (
        ("mask_counts", ("project_id", "stage", "model_version", *ends), by_version),
        ("author_counts", ("project_id", "author_id", *ends), by_author),
    ):
        table = sa.table(name, *(sa.column(key) for key in (*keys, "count")))
        if cells:
            op.bulk_insert(table, [dict(zip(keys, cell, strict=True)) | {"count": n} for cell, n in cells.items()])


def downgrade() -> None:
    """Takes it back."""
    with op.batch_alter_table("work_items", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_work_items_moved_by_admissions"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_work_items_admission_id_admissions"), type_="foreignkey")
        batch_op.drop_index("ix_work_items_finished_at")
        batch_op.drop_index("ix_work_items_moved_by")
        batch_op.drop_index("ix_work_items_claimed_by")
        batch_op.drop_index("ix_work_items_admission_id")
        batch_op.drop_index("ix_work_items_state")
        batch_op.drop_index("ix_work_items_queue")
        batch_op.create_index(batch_op.f("ix_work_items_queue"), ["project_id", "stage", "state", "id"], unique=False)
        batch_op.drop_column("model_version")
        batch_op.drop_column("is_audit")
        batch_op.drop_column("claimed_at")
        batch_op.drop_column("moved_by")
        batch_op.drop_column("admission_id")
        batch_op.drop_column("uncertainty")
        batch_op.drop_column("rank")

    with op.batch_alter_table("projects", schema=None) as batch_op:
        batch_op.drop_column("detector_version")

    with op.batch_alter_table("annotations", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_annotations_audited", sqlite_where=sa.text("is_audited = 1"), postgresql_where=sa.text("is_audited")
        )
        batch_op.drop_column("is_audited")
        batch_op.drop_column("proposal_iou")

    op.drop_index("ix_images_project_id", table_name="images")
    op.drop_index("ix_training_runs_project_id", table_name="training_runs")

    op.drop_table("training_runs")
    op.drop_table("snapshots")
    op.drop_table("work_counts")
    op.drop_index("ix_webhooks_project_id", table_name="webhooks")

    op.drop_table("webhooks")
    op.drop_table("training_policies")
    op.drop_table("stages")
    op.drop_index("ix_promotions_project_id", table_name="promotions")

    op.drop_table("promotions")
    op.drop_table("author_counts")
    op.drop_table("mask_counts")
    op.drop_index("ix_events_project_id", table_name="events")

    op.drop_table("events")
    op.drop_index("ix_admissions_project_id", table_name="admissions")

    op.drop_table("admissions")
    op.drop_table("periodic_runs")
