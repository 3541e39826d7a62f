"""The first layout: vault, register, requests, log.

What each column means is said where the tables are declared, in `expunge.vault.database`; a test compares the two.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "batch",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False, unique=True),
        sa.Column("executor", sa.String, nullable=False),
        sa.Column("created", sa.String, nullable=False),
        sa.Column("root_version", sa.Integer, nullable=False),
        sa.Column("plan", sa.String, nullable=False),
        sa.Column("evidence", sa.String, nullable=False),
        sa.Column("evidence_blob", sa.String),
    )
    op.create_table(
        "blob_key",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("root_version", sa.Integer, nullable=False),
        sa.Column("wrapped", sa.BLOB, nullable=False),
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.Integer, primary_key=True),
        sa.Column("note", sa.String, nullable=False),
    )
    op.create_table(
        "dataset",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("schema_blob", sa.String, nullable=False),
        sa.Column("created", sa.String, nullable=False),
    )
    op.create_table(
        "export",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("model_id", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("at", sa.String, nullable=False),
    )
    op.create_table(
        "log_leaf",
        sa.Column("idx", sa.Integer, primary_key=True),
        sa.Column("entry", sa.BLOB, nullable=False),
    )
    op.create_table(
        "member",
        sa.Column("object_id", sa.String, primary_key=True),
        sa.Column("ref", sa.BLOB, primary_key=True),
        sa.Column("commitment", sa.BLOB, nullable=False),
        sa.Column("records", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "object_version",
        sa.Column("object_id", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("members_root", sa.String, nullable=False),
        sa.Column("members", sa.Integer, nullable=False),
        sa.Column("why", sa.String, nullable=False),
        sa.Column("created", sa.String, nullable=False),
    )
    op.create_table(
        "request",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False, unique=True),
        sa.Column("law", sa.String, nullable=False),
        sa.Column("received", sa.String, nullable=False),
        sa.Column("due", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("ground", sa.String),
        sa.Column("approver", sa.String),
        sa.Column("batch", sa.String),
        sa.Column("policy", sa.String),
        sa.Column("failed", sa.String),
        sa.Column("plan", sa.String),
        sa.Column("identity", sa.BLOB),
    )
    op.create_table(
        "root",
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("created", sa.String, nullable=False),
        sa.Column("destroyed", sa.String),
        sa.Column("tree", sa.BLOB),
    )
    op.create_table(
        "key_page",
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("content", sa.BLOB, nullable=False),
    )
    op.create_table(
        "subject",
        sa.Column("ref", sa.BLOB, primary_key=True),
        sa.Column("tag", sa.BLOB, nullable=False, unique=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "certificate",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("batch", sa.String, sa.ForeignKey("batch.id"), nullable=False, unique=True),
        sa.Column("content", sa.BLOB, nullable=False),
    )
    op.create_table(
        "model",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("dataset_id", sa.String, sa.ForeignKey("dataset.id"), nullable=False),
        sa.Column("learner", sa.String, nullable=False),
        sa.Column("params", sa.String, nullable=False),
        sa.Column("held_out", sa.Float, nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("created", sa.String, nullable=False),
    )
    op.create_table(
        "segment",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("dataset_id", sa.String, sa.ForeignKey("dataset.id"), nullable=False),
        sa.Column("dataset_version", sa.Integer, nullable=False),
        sa.Column("file", sa.String, nullable=False, unique=True),
    )
    op.create_table(
        "model_version",
        sa.Column("model_id", sa.String, sa.ForeignKey("model.id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("batch", sa.String),
        sa.Column("state_blob", sa.String, nullable=False),
        sa.Column("served_blob", sa.String, nullable=False),
        sa.Column("facts_blob", sa.String, nullable=False),
        sa.Column("created", sa.String, nullable=False),
    )
    op.create_table(
        "record",
        sa.Column("segment_id", sa.String, sa.ForeignKey("segment.id"), primary_key=True),
        sa.Column("ref", sa.BLOB, primary_key=True),
        sa.Column("record_id", sa.BLOB, nullable=False),
        sa.Column("offset", sa.Integer, nullable=False),
        sa.Column("length", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
