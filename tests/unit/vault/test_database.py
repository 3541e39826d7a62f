"""The database is what it is declared to be, and what is deleted from it is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, UniqueConstraint, bindparam, delete, event, insert, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from expunge.errors import CorruptedError, WorkspaceBusyError, WorkspaceError
from expunge.vault import store
from expunge.vault.database import (
    DATASET,
    LOG_LEAF,
    METADATA,
    REVISION,
    ROOT,
    connect_to_read,
    migrate,
    run_many,
    transaction,
    truncate_wal,
)
from expunge.vault.store import Vault

SECRET = "Wilhelmina-" * 400


@pytest.fixture
def engine(vault: Vault) -> Engine:
    return vault.engine


def raw(engine: Engine) -> bytes:
    path = Path(str(engine.url.database))
    return b"".join(found.read_bytes() for found in sorted(path.parent.glob(path.name + "*")))


def test_the_migrations_make_what_the_code_declares(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        indexed = {
            table.name: {column.name for column in table.columns if column.unique}
            | {str(one.name) for one in table.constraints if isinstance(one, UniqueConstraint) and len(one.columns) > 1}
            for table in METADATA.sorted_tables
        }
        for name, unique in indexed.items():
            query = text("SELECT name FROM pragma_index_list(:name) WHERE origin = 'u'")
            found = connection.execute(query, {"name": name}).all()
            assert len(found) == len(unique), name


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    before = raw(engine)
    migrate(engine)
    assert raw(engine) == before


@pytest.mark.parametrize("found", ["0003", "9999"])
def test_a_later_database_is_refused(engine: Engine, found: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :found"), {"found": found})
    with pytest.raises(WorkspaceError, match=f"'{found}'.*'{REVISION}'"):
        migrate(engine)


def test_the_pragmas_that_erasure_relies_on_are_set(engine: Engine) -> None:
    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "secure_delete", "synchronous", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "secure_delete": 1, "synchronous": 2, "foreign_keys": 1}


def test_foreign_keys_hold(engine: Engine) -> None:
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text("INSERT INTO segment VALUES ('s', 'no such dataset', 1, 'f')"))


def test_a_deleted_text_is_gone_from_the_files(engine: Engine) -> None:
    with engine.connect() as somebody:  # while anybody is connected, SQLite keeps the write-ahead log
        somebody.execute(select(LOG_LEAF)).all()
        somebody.rollback()
        with transaction(engine) as connection:
            connection.execute(insert(LOG_LEAF), [{"idx": number, "entry": SECRET.encode()} for number in range(20)])
        with transaction(engine) as connection:
            connection.execute(delete(LOG_LEAF))
        assert b"Wilhelmina" in raw(engine), "the search must be able to find it"
        truncate_wal(engine)
        assert b"Wilhelmina" not in raw(engine)


def test_an_overwritten_text_is_gone_from_the_files(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(update(DATASET).where(DATASET.c.id == "D-1").values(name="Wilhelmina"))
    with transaction(engine) as connection:
        connection.execute(update(DATASET).where(DATASET.c.id == "D-1").values(name="Y"))
    truncate_wal(engine)
    assert b"Wilhelmina" not in raw(engine)


def test_a_reader_of_an_old_snapshot_is_noticed(engine: Engine) -> None:
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=20"))
    with transaction(engine) as connection:
        connection.execute(insert(LOG_LEAF).values(idx=0, entry=SECRET.encode()))
    with engine.connect() as reader:
        assert reader.execute(select(LOG_LEAF.c.idx)).scalar() == 0
        with transaction(engine) as connection:
            connection.execute(delete(LOG_LEAF))
        with pytest.raises(WorkspaceBusyError, match="write-ahead log"):
            truncate_wal(engine)
    truncate_wal(engine)
    assert b"Wilhelmina" not in raw(engine)


def test_a_transaction_is_all_or_nothing(engine: Engine) -> None:
    with pytest.raises(RuntimeError, match="killed"), transaction(engine) as connection:  # noqa: PT012  # cut short in the middle
        connection.execute(insert(LOG_LEAF).values(idx=0, entry=b"x"))
        connection.execute(text("CREATE TABLE half (x INTEGER)"))
        raise RuntimeError("killed")
    with engine.connect() as connection:
        assert connection.execute(select(LOG_LEAF)).all() == []
        assert connection.execute(text("SELECT count(*) FROM sqlite_master WHERE name = 'half'")).scalar() == 0


def test_a_folder_without_a_vault_is_refused(vault: Vault, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="not a workspace"):
        store.open_vault(tmp_path, vault.keys)
    with pytest.raises(WorkspaceError, match="are not in"):
        store.open_vault(vault.folder, tmp_path)


@pytest.mark.parametrize("content", ["", "xyz", "ab" * 5])
def test_a_broken_hash_secret_is_corrupted(vault: Vault, content: str) -> None:
    (vault.keys / "workspace.secret").write_text(content)
    with pytest.raises(CorruptedError, match=r"workspace\.secret"):
        store.open_vault(vault.folder, vault.keys)


def test_a_database_without_a_root_key_is_corrupted(vault: Vault) -> None:
    with vault.transaction() as connection:
        connection.execute(delete(ROOT))
        with pytest.raises(CorruptedError, match="root key"):
            vault.wrapper(connection)


def test_derived_keys_differ_by_purpose_and_are_not_shown(vault: Vault) -> None:
    assert vault.derive("a") != vault.derive("b")
    assert vault.derive("a") == vault.derive("a")
    assert vault.secret.hex() not in repr(vault)
    assert repr(vault.secret) not in repr(vault)


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    store.write_atomically(tmp_path / "file", b"old")
    store.write_atomically(tmp_path / "file", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"new")]


def test_what_is_opened_to_read_is_not_written_to(vault: Vault) -> None:
    engine = connect_to_read(vault.folder / "expunge.db")
    with engine.connect() as connection:
        assert connection.execute(select(ROOT.c.version)).scalar() == 1
        with pytest.raises(OperationalError, match="readonly"):
            connection.execute(delete(ROOT))


def test_what_was_written_and_not_yet_checkpointed_is_read(vault: Vault) -> None:
    with vault.engine.connect() as keeps_the_log, transaction(vault.engine) as connection:
        keeps_the_log.execute(select(ROOT)).all()
        connection.execute(insert(LOG_LEAF).values(idx=0, entry=b"x"))
    with connect_to_read(vault.folder / "expunge.db").connect() as reader:
        assert reader.execute(select(LOG_LEAF.c.entry)).scalar() == b"x"


def test_many_rows_are_written_by_name_whatever_the_order_of_columns(engine: Engine) -> None:
    change = update(LOG_LEAF).where(LOG_LEAF.c.idx == bindparam("which")).values(entry=bindparam("fresh"))
    with transaction(engine) as connection:
        run_many(connection, insert(LOG_LEAF), ("entry", "idx"), [(b"one", 1), (b"two", 2), (b"three", 3)])
        run_many(connection, insert(LOG_LEAF), ("entry", "idx"), [])
        run_many(connection, change, ("which", "fresh"), [(1, b"first"), (9, b"nobody"), (3, b"third")])
        run_many(connection, delete(LOG_LEAF).where(LOG_LEAF.c.idx == bindparam("which")), ["which"], [(2,)])
        assert connection.execute(select(LOG_LEAF).order_by(LOG_LEAF.c.idx)).all() == [(1, b"first"), (3, b"third")]


def test_values_are_bound_and_never_read_as_sql(engine: Engine) -> None:
    with transaction(engine) as connection:
        run_many(connection, insert(LOG_LEAF), ("idx", "entry"), [(1, b"'); DROP TABLE log_leaf; --")])
        assert connection.execute(select(LOG_LEAF.c.entry)).scalar_one() == b"'); DROP TABLE log_leaf; --"
