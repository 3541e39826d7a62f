"""The erasure office: keys per person and dataset, holds and refusals, actors, recipients, the suppression ledger.

What each column means is said where the tables are declared, in `expunge.vault.database`; a test compares the two.
"""

import sqlalchemy as sa
from alembic import op

from expunge.errors import WorkspaceError

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns and tables; keys become those of one dataset."""
    _keys_of_one_dataset()
    with op.batch_alter_table("request") as request:
        request.add_column(sa.Column("tag", sa.BLOB))
        for name in ("approved", "extension", "hold", "refusals"):
            request.add_column(sa.Column(name, sa.String))
    with op.batch_alter_table("dataset") as dataset:
        dataset.add_column(sa.Column("set_aside", sa.Integer, nullable=False, server_default="0"))
    with op.batch_alter_table("model") as model:
        model.add_column(sa.Column("replay", sa.String, nullable=False, server_default="always"))
        model.add_column(sa.Column("seed", sa.Integer, nullable=False, server_default="1"))
        model.add_column(sa.Column("seeded", sa.String))
    op.create_table(
        "restriction",
        sa.Column("ref", sa.BLOB, sa.ForeignKey("subject.ref"), primary_key=True),
        sa.Column("request", sa.String, nullable=False),
        sa.Column("ground", sa.String, nullable=False),
        sa.Column("article", sa.String, nullable=False),
        sa.Column("until", sa.String),
    )
    op.create_table(
        "actor",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("roles", sa.String, nullable=False),
        sa.Column("method", sa.String, nullable=False),
        sa.Column("verifier", sa.String, nullable=False),
        sa.Column("created", sa.String, nullable=False),
        sa.Column("disabled", sa.String),
    )
    op.create_table(
        "suppressed",
        sa.Column("tag", sa.BLOB, primary_key=True),
        sa.Column("batch", sa.String),
        sa.Column("since", sa.String, nullable=False),
        sa.Column("until", sa.String),
        sa.Column("retained", sa.String, nullable=False, server_default="{}"),
    )
    op.create_table(
        "recipient",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False, unique=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("created", sa.String, nullable=False),
        sa.Column("ended", sa.String),
    )
    op.create_table(
        "disclosure",
        sa.Column("recipient_id", sa.String, sa.ForeignKey("recipient.id"), primary_key=True),
        sa.Column("object_id", sa.String, primary_key=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("ended", sa.String),
    )
    op.create_table(
        "task",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("request", sa.String, sa.ForeignKey("request.id"), nullable=False),
        sa.Column("recipient_id", sa.String, sa.ForeignKey("recipient.id"), nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("note", sa.String),
        sa.Column("actor", sa.String),
        sa.Column("created", sa.String, nullable=False),
        sa.Column("ended", sa.String),
    )


def _keys_of_one_dataset() -> None:
    """Give every key the dataset that its records are in.

    A key that opens records of several datasets cannot be split without opening it, which a migration does not do.
    """
    connection = op.get_bind()
    many = connection.execute(
        sa.text(
            "SELECT count(*) FROM (SELECT ref FROM record JOIN segment ON segment.id = record.segment_id "
            "GROUP BY ref HAVING count(DISTINCT segment.dataset_id) > 1)"
        )
    ).scalar_one()
    if many:
        raise WorkspaceError(
            f"{many} people of this workspace have one key for several datasets, as 0.1 had before revision 0002.",
            mend="Import the datasets again into a new workspace.",
        )
    rows = connection.execute(
        sa.text(
            "SELECT subject.ref, tag, min(segment.dataset_id) AS dataset_id FROM subject "
            "JOIN record ON record.ref = subject.ref JOIN segment ON segment.id = record.segment_id "
            "GROUP BY subject.ref"
        )
    ).all()
    op.drop_table("subject")
    subject = op.create_table(
        "subject",
        sa.Column("ref", sa.BLOB, primary_key=True),
        sa.Column("dataset_id", sa.String, sa.ForeignKey("dataset.id"), nullable=False),
        sa.Column("tag", sa.BLOB, nullable=False),
        sa.UniqueConstraint("dataset_id", "tag", name="subject_of_dataset"),
        sqlite_with_rowid=False,
    )
    if rows:
        op.bulk_insert(subject, [dict(row._mapping) for row in rows])
