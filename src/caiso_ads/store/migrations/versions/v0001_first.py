"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.BigInteger().with_variant(TIMESTAMP(timezone=True), "postgresql")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "detail_layout",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("segments", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_detail_layout"),
        sa.UniqueConstraint("segments", name="uq_detail_layout_segments"),
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_meta"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("batch_uid", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_try", TIME),
        sa.Column("result", sa.Text()),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index(
        "ix_outbox_open",
        "outbox",
        ["kind", "batch_uid"],
        unique=True,
        sqlite_where=sa.text("NOT done"),
        postgresql_where=sa.text("NOT done"),
    )
    op.create_table(
        "payload",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("stream", sa.SmallInteger(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("argument", sa.Text(), nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("server_date", TIME),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("form", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("error_where", sa.Text()),
        sa.Column("corrupt", sa.Boolean(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.CheckConstraint("stream IN (1, 2, 3)", name=op.f("ck_payload_stream")),
        sa.CheckConstraint("length(sha256) = 32", name=op.f("ck_payload_sha256")),
        sa.PrimaryKeyConstraint("id", name="pk_payload"),
        sa.UniqueConstraint("id", "stream", name="uq_payload_id_stream"),
        sa.UniqueConstraint("stream", "uid", "sha256", name="uq_payload_stream_uid_sha256"),
    )
    op.create_index("ix_payload_received_at", "payload", ["received_at"])
    op.create_table(
        "resource",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_resource"),
        sa.UniqueConstraint("resource_id", name="uq_resource_resource_id"),
    )
    op.create_table(
        "bad_item",
        sa.Column("payload", NUMBER, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("uid", sa.Text()),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("error_where", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["payload"], ["payload.id"], name="fk_bad_item_payload"),
        sa.PrimaryKeyConstraint("payload", "n", name="pk_bad_item"),
    )
    op.create_table(
        "batch",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("batch_uid", sa.Text(), nullable=False),
        sa.Column("market_id", sa.Text(), nullable=False),
        sa.Column("batch_status", NUMBER, nullable=False),
        sa.Column("batch_received", TIME, nullable=False),
        sa.Column("batch_sent", TIME),
        sa.Column("batch_expires", TIME),
        sa.Column("batch_type", NUMBER, nullable=False),
        sa.Column("start_time", TIME, nullable=False),
        sa.Column("dispatch_mode", NUMBER, nullable=False),
        sa.Column("binding_flag", sa.Text(), nullable=False),
        sa.Column("revision_no", NUMBER, nullable=False),
        sa.Column("contingency_type", sa.Text()),
        sa.Column("path_exclusion", sa.Text()),
        sa.Column("header_only", sa.Boolean(), nullable=False),
        sa.Column("effective", sa.Boolean(), nullable=False),
        sa.Column("conflict", sa.Boolean(), nullable=False),
        sa.Column("unknown", JSON),
        sa.ForeignKeyConstraint(["id"], ["payload.id"], name="fk_batch_id"),
        sa.PrimaryKeyConstraint("id", name="pk_batch"),
    )
    op.create_index("ix_batch_batch_uid_revision_no", "batch", ["batch_uid", "revision_no"])
    op.create_table(
        "cursor",
        sa.Column("stream", sa.SmallInteger(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("payload", NUMBER, nullable=False),
        sa.Column("moved_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["payload", "stream"], ["payload.id", "payload.stream"], name="fk_cursor_payload_stream"
        ),
        sa.CheckConstraint("stream IN (1, 2)", name=op.f("ck_cursor_stream")),
        sa.PrimaryKeyConstraint("stream", name="pk_cursor"),
    )
    op.create_table(
        "trajectory",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("payload", NUMBER, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("batch_uid", sa.Text(), nullable=False),
        sa.Column("batch_received", TIME, nullable=False),
        sa.Column("binding_flag", sa.Text()),
        sa.Column("batch_sent", TIME),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("effective", sa.Boolean(), nullable=False),
        sa.Column("conflict", sa.Boolean(), nullable=False),
        sa.Column("unknown", JSON),
        sa.ForeignKeyConstraint(["payload"], ["payload.id"], name="fk_trajectory_payload"),
        sa.PrimaryKeyConstraint("id", name="pk_trajectory"),
        sa.UniqueConstraint("batch_uid", "digest", name="uq_trajectory_batch_uid_digest"),
    )
    op.create_index("ix_trajectory_payload", "trajectory", ["payload"])
    op.create_table(
        "compliance",
        sa.Column("resource", NUMBER, autoincrement=False, nullable=False),
        sa.Column("start_time", TIME, nullable=False),
        sa.Column("trajectory", NUMBER, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("compliance_no", NUMBER),
        sa.Column("compliance_uid", sa.Text()),
        sa.Column("expected_energy_mwh", sa.Double(), nullable=False),
        sa.Column("compl_flag", sa.Text(), nullable=False),
        sa.Column("configuration_id", sa.Text()),
        sa.Column("unknown", JSON),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_compliance_resource"),
        sa.ForeignKeyConstraint(["trajectory"], ["trajectory.id"], name="fk_compliance_trajectory"),
        sa.PrimaryKeyConstraint("resource", "start_time", "trajectory", "n", name="pk_compliance"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "dop",
        sa.Column("resource", NUMBER, autoincrement=False, nullable=False),
        sa.Column("target_time", TIME, nullable=False),
        sa.Column("trajectory", NUMBER, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("dop_no", NUMBER),
        sa.Column("dop_uid", sa.Text()),
        sa.Column("dop_mw", sa.Double(), nullable=False),
        sa.Column("sequence_number", NUMBER, nullable=False),
        sa.Column("configuration_id", sa.Text()),
        sa.Column("unknown", JSON),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_dop_resource"),
        sa.ForeignKeyConstraint(["trajectory"], ["trajectory.id"], name="fk_dop_trajectory"),
        sa.PrimaryKeyConstraint("resource", "target_time", "trajectory", "n", name="pk_dop"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "instruction",
        sa.Column("resource", NUMBER, autoincrement=False, nullable=False),
        sa.Column("start_time", TIME, nullable=False),
        sa.Column("batch", NUMBER, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("start_given", sa.Boolean(), nullable=False),
        sa.Column("instruction_no", NUMBER),
        sa.Column("instruction_uid", sa.Text()),
        sa.Column("other_batch_uid", sa.Text()),
        sa.Column("dot_mw", sa.Double()),
        sa.Column("instruction_type", NUMBER, nullable=False),
        sa.Column("pre_goto_mw", sa.Double()),
        sa.Column("bid_delay_min", NUMBER),
        sa.Column("accept_dot_mw", sa.Double()),
        sa.Column("accept_status", sa.Text()),
        sa.Column("api_validated", TIME),
        sa.Column("api_validated_by", sa.Text()),
        sa.Column("pass_indicator", sa.Text()),
        sa.Column("revision_number", NUMBER, nullable=False),
        sa.Column("status_code", NUMBER, nullable=False),
        sa.Column("hourly_mw", sa.Double()),
        sa.Column("configuration_id", sa.Text()),
        sa.Column("agc_flag", sa.Text()),
        sa.Column("rmr_flag", sa.Text()),
        sa.Column("base_schedule_mw", sa.Double()),
        sa.Column("follow_dot_flag", sa.Text()),
        sa.Column("layout", NUMBER),
        sa.Column("detail", JSON),
        sa.Column("unknown", JSON),
        sa.ForeignKeyConstraint(["batch"], ["batch.id"], name="fk_instruction_batch"),
        sa.ForeignKeyConstraint(["layout"], ["detail_layout.id"], name="fk_instruction_layout"),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_instruction_resource"),
        sa.PrimaryKeyConstraint("resource", "start_time", "batch", "n", name="pk_instruction"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "instruction_more",
        sa.Column("resource", NUMBER, autoincrement=False, nullable=False),
        sa.Column("start_time", TIME, nullable=False),
        sa.Column("batch", NUMBER, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("end_time", TIME),
        sa.Column("oos_energy_code", sa.Text()),
        sa.Column("as_type", sa.Text()),
        sa.Column("min_accept_mw", sa.Double()),
        sa.Column("responder", sa.Text()),
        sa.Column("reason_code", NUMBER),
        sa.Column("opr_accept_dot_mw", sa.Double()),
        sa.Column("opr_accept_status", sa.Text()),
        sa.Column("opr_responder", sa.Text()),
        sa.Column("opr_reason_code", NUMBER),
        sa.Column("validated", TIME),
        sa.Column("validated_by", sa.Text()),
        sa.Column("cleared_mw", sa.Double()),
        sa.Column("award_mw", sa.Double()),
        sa.Column("self_sched_mw", sa.Double()),
        sa.Column("rmr_test_requestor", sa.Text()),
        sa.Column("transition_from_config_id", sa.Text()),
        sa.Column("transition_to_config_id", sa.Text()),
        sa.Column("hourly_mw_threshold", sa.Double()),
        sa.Column("registered_intertie_flag", sa.Text()),
        sa.ForeignKeyConstraint(
            ["resource", "start_time", "batch", "n"],
            ["instruction.resource", "instruction.start_time", "instruction.batch", "instruction.n"],
            name="fk_instruction_more_resource_start_time_batch_n",
        ),
        sa.PrimaryKeyConstraint("resource", "start_time", "batch", "n", name="pk_instruction_more"),
        sqlite_with_rowid=False,
    )
