"""The database: tables, and SQLite set up so that what is deleted is overwritten.

``secure_delete=ON`` zeroes freed pages; in WAL mode the old page images stay in the ``-wal`` file until it is
truncated, so an erasure ends with a *checked* ``wal_checkpoint(TRUNCATE)`` (SQLite documentation, "PRAGMA
secure_delete" and "PRAGMA wal_checkpoint"). ``synchronous=FULL`` makes a committed move survive a power cut.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    BLOB,
    Column,
    Connection,
    Delete,
    Engine,
    Float,
    ForeignKey,
    Insert,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    Update,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.pool import NullPool

from expunge.errors import WorkspaceBusyError, WorkspaceError

METADATA: Final = MetaData()
PAGE_CACHE: Final = 64 * 1024
"""How much of the database one connection keeps in memory, in KiB. With the 2 MiB that SQLite takes by itself, the
index of a hundred thousand people is written to the log again and again within one import."""
REVISION: Final = "0002"
BUSY_SECONDS: Final = 10.0
"""How long a connection waits for another process to let the file go."""


def _table(name: str, *parts: Column[Any] | UniqueConstraint, **options: Any) -> Table:
    return Table(name, METADATA, *parts, **options)


_AFTER: Final = "after commit"
_BY_KEY: Final = {"sqlite_with_rowid": False}
"""Rows lie in the index of their primary key, and nowhere else: one tree to fill and to read for tables of people."""


ROOT = _table(
    "root",
    Column("version", Integer, primary_key=True),
    Column("created", String, nullable=False),
    Column("destroyed", String),
    Column("tree", BLOB),
)
KEY_PAGE = _table(
    "key_page",
    Column("place", Integer, primary_key=True),
    Column("content", BLOB, nullable=False),
)
SUBJECT = _table(
    "subject",
    Column("ref", BLOB, primary_key=True),
    Column("dataset_id", String, ForeignKey("dataset.id"), nullable=False),
    Column("tag", BLOB, nullable=False),
    UniqueConstraint("dataset_id", "tag", name="subject_of_dataset"),
    **_BY_KEY,
)
DATASET = _table(
    "dataset",
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("version", Integer, nullable=False),
    Column("schema_blob", String, nullable=False),
    Column("created", String, nullable=False),
    Column("set_aside", Integer, nullable=False, server_default="0"),
)
OBJECT_VERSION = _table(
    "object_version",
    Column("object_id", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("members_root", String, nullable=False),
    Column("members", Integer, nullable=False),
    Column("why", String, nullable=False),
    Column("created", String, nullable=False),
)
MEMBER = _table(
    "member",
    Column("object_id", String, primary_key=True),
    Column("ref", BLOB, primary_key=True),
    Column("commitment", BLOB, nullable=False),
    Column("records", Integer, nullable=False),
    **_BY_KEY,
)
SEGMENT = _table(
    "segment",
    Column("id", String, primary_key=True),
    Column("dataset_id", String, ForeignKey("dataset.id"), nullable=False),
    Column("dataset_version", Integer, nullable=False),
    Column("file", String, nullable=False, unique=True),
)
RECORD = _table(
    "record",
    Column("segment_id", String, ForeignKey("segment.id"), primary_key=True),
    Column("ref", BLOB, primary_key=True),
    Column("record_id", BLOB, nullable=False),
    Column("offset", Integer, nullable=False),
    Column("length", Integer, nullable=False),
    **_BY_KEY,
)
BLOB_KEY = _table(
    "blob_key",
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("root_version", Integer, nullable=False),
    Column("wrapped", BLOB, nullable=False),
)
RESTRICTION = _table(
    "restriction",
    Column("ref", BLOB, ForeignKey("subject.ref"), primary_key=True),
    Column("request", String, nullable=False),
    Column("ground", String, nullable=False),
    Column("article", String, nullable=False),
    Column("until", String),
)
MODEL = _table(
    "model",
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("dataset_id", String, ForeignKey("dataset.id"), nullable=False),
    Column("learner", String, nullable=False),
    Column("params", String, nullable=False),
    Column("held_out", Float, nullable=False),
    Column("version", Integer),
    Column("created", String, nullable=False),
    Column("replay", String, nullable=False, server_default="always"),
    Column("seed", Integer, nullable=False, server_default="1"),
    Column("seeded", String),
)
MODEL_VERSION = _table(
    "model_version",
    Column("model_id", String, ForeignKey("model.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("status", String, nullable=False),
    Column("batch", String),
    Column("state_blob", String, nullable=False),
    Column("served_blob", String, nullable=False),
    Column("facts_blob", String, nullable=False),
    Column("created", String, nullable=False),
)
EXPORT = _table(
    "export",
    Column("id", Integer, primary_key=True),
    Column("model_id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", String, nullable=False),
)
REQUEST = _table(
    "request",
    Column("id", String, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("law", String, nullable=False),
    Column("received", String, nullable=False),
    Column("due", String, nullable=False),
    Column("state", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("ground", String),
    Column("approver", String),
    Column("approved", String),
    Column("batch", String),
    Column("policy", String),
    Column("failed", String),
    Column("plan", String),
    Column("identity", BLOB),
    Column("tag", BLOB),
    Column("extension", String),
    Column("hold", String),
    Column("refusals", String),
)
BATCH = _table(
    "batch",
    Column("id", String, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("executor", String, nullable=False),
    Column("created", String, nullable=False),
    Column("root_version", Integer, nullable=False),
    Column("plan", String, nullable=False),
    Column("evidence", String, nullable=False),
    Column("evidence_blob", String),
)
CERTIFICATE = _table(
    "certificate",
    Column("id", String, primary_key=True),
    Column("batch", String, ForeignKey("batch.id"), nullable=False, unique=True),
    Column("content", BLOB, nullable=False),
)
ACTOR = _table(
    "actor",
    Column("name", String, primary_key=True),
    Column("roles", String, nullable=False),
    Column("method", String, nullable=False),
    Column("verifier", String, nullable=False),
    Column("created", String, nullable=False),
    Column("disabled", String),
)
SUPPRESSED = _table(
    "suppressed",
    Column("tag", BLOB, primary_key=True),
    Column("batch", String),
    Column("since", String, nullable=False),
    Column("until", String),
    Column("retained", String, nullable=False, server_default="{}"),
)
RECIPIENT = _table(
    "recipient",
    Column("id", String, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("name", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("created", String, nullable=False),
    Column("ended", String),
)
DISCLOSURE = _table(
    "disclosure",
    Column("recipient_id", String, ForeignKey("recipient.id"), primary_key=True),
    Column("object_id", String, primary_key=True),
    Column("at", String, nullable=False),
    Column("ended", String),
)
TASK = _table(
    "task",
    Column("id", String, primary_key=True),
    Column("request", String, ForeignKey("request.id"), nullable=False),
    Column("recipient_id", String, ForeignKey("recipient.id"), nullable=False),
    Column("state", String, nullable=False),
    Column("note", String),
    Column("actor", String),
    Column("created", String, nullable=False),
    Column("ended", String),
)
LOG_LEAF = _table(
    "log_leaf",
    Column("idx", Integer, primary_key=True),
    Column("entry", BLOB, nullable=False),
)
CHECKPOINT = _table(
    "checkpoint",
    Column("size", Integer, primary_key=True),
    Column("note", String, nullable=False),
)


def connect(path: Path) -> Engine:
    """Open a SQLite file with the pragmas that erasure relies on; creates the file where it is absent."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say so, not where sqlite3 guesses
        for pragma in ("journal_mode=WAL", "secure_delete=ON", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA cache_size=-{PAGE_CACHE}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def connect_to_read(path: Path) -> Engine:
    """Open a SQLite file that nothing is written to, even in a folder that cannot be written to."""

    def opened() -> sqlite3.Connection:
        place = path.resolve().as_uri()
        try:
            connection = sqlite3.connect(f"{place}?mode=ro", uri=True, timeout=BUSY_SECONDS)
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            if path.with_name(path.name + "-wal").exists():
                raise
            # Where no shared-memory file can be made, a file without a write-ahead log reads as it stands
            # (SQLite documentation, "Write-Ahead Logging", section 5, "Read-Only Databases").
            connection = sqlite3.connect(f"{place}?immutable=1", uri=True)
        return connection

    return create_engine("sqlite://", poolclass=NullPool, creator=opened)


def migrate(engine: Engine) -> None:
    """Bring the database to this version of the software; does nothing where it is there already."""
    with engine.connect() as connection:
        if inspect(connection).has_table("alembic_version"):
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if found == REVISION:
                return
            if found is None or found > REVISION:
                raise WorkspaceError(
                    f"the database is at revision {found!r}, this software knows {REVISION!r}.",
                    mend="Install the version of expunge that wrote it, or a later one.",
                )
    # Imported here: a workspace that is up to date, the usual case, need not wait for it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "expunge.vault:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One durable transaction: all of it or nothing; then what `after_commit` was told to do, if it was all."""
    with engine.begin() as connection:
        connection.info[_AFTER] = []
        yield connection
        after: list[Callable[[], None]] = connection.info.pop(_AFTER)
    for act in after:
        act()


def after_commit(connection: Connection, act: Callable[[], None]) -> None:
    """Do something that cannot be rolled back, once the transaction is durable; a kill may come before it."""
    connection.info[_AFTER].append(act)


def run_many(
    connection: Connection, statement: Insert | Update | Delete, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Run one prepared statement for many rows.

    What SQLAlchemy does for each row (a dictionary, a converter for each value) costs more than SQLite's own work.

    Parameters
    ----------
    statement : Insert, Update or Delete
        All that it needs are bound parameters: columns of what is inserted, ``bindparam`` elsewhere.
    names : sequence of str
        What the parameters are called, in the order in which a row has them.
    rows : sequence of tuple
        Values as the database takes them: bytes, str, int or None.
    """
    if rows:
        keys = names if isinstance(statement, Insert) else None
        compiled = statement.compile(dialect=connection.dialect, column_keys=keys)
        places = [names.index(name) for name in compiled.positiontup or names]
        if places != list(range(len(names))):
            rows = [tuple(row[place] for place in places) for row in rows]
        connection.exec_driver_sql(str(compiled), list(rows))


def truncate_wal(engine: Engine) -> None:
    """Write the write-ahead log back and cut it to nothing, and check that this happened.

    Raises
    ------
    WorkspaceBusyError
        Where a reader keeps the log from being truncated: old page images would stay on disk.
    """
    with engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        if driver is None:
            raise WorkspaceError("the database connection is closed.", mend="Run the command again.")
        busy, log, checkpointed = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy or log > 0 or checkpointed > 0:
        raise WorkspaceBusyError(
            f"the write-ahead log could not be truncated ({log} pages left).",
            mend="Close other programs that read the workspace's database, then run the command again.",
        )
