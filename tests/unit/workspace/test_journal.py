"""The audit log: whatever is changed in what was signed is noticed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, update

from expunge.certificates.keys import generate_key
from expunge.errors import ExpungeError, NotVerifiedError, WorkspaceError
from expunge.log.merkle import leaf_hash
from expunge.vault.database import CHECKPOINT, LOG_LEAF
from expunge.workspace import journal
from expunge.workspace.folder import Workspace, open_workspace


def signed(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        for number in range(3):
            journal.append(workspace, connection, "test", number=number)
        journal.sign_head(workspace, connection)
        journal.append(workspace, connection, "after")


def test_entries_are_kept_in_order_with_actor_and_time(workspace: Workspace) -> None:
    dora = open_workspace(workspace.folder, actor="dora")
    with dora.vault.transaction() as connection:
        size = journal.size(connection)
        assert journal.append(dora, connection, "one", object="D-1") == size
        assert journal.append(dora, connection, "two") == size + 1
        entries = [json.loads(entry) for entry in journal.entries(connection)[size:]]
        assert journal.leaves(connection) == [leaf_hash(entry) for entry in journal.entries(connection)]
    assert [(one["event"], one["actor"], one.get("object")) for one in entries] == [
        ("one", "dora", "D-1"),
        ("two", "dora", None),
    ]


def test_a_log_that_only_grew_verifies(workspace: Workspace) -> None:
    signed(workspace)
    signed(workspace)
    with workspace.vault.transaction() as connection:
        found = journal.verify(workspace, connection)
    assert found.covered == found.entries - 1


def test_entries_that_no_checkpoint_covers_are_counted(workspace: Workspace) -> None:
    signed(workspace)
    with workspace.vault.transaction() as connection:
        before = journal.verify(workspace, connection)
        journal.append(workspace, connection, "unsigned")
        found = journal.verify(workspace, connection)
    assert (found.entries, found.covered) == (before.entries + 1, before.covered)


def test_whatever_is_recorded_is_signed_at_the_end(workspace: Workspace) -> None:
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        journal.append(workspace, connection, "something")
    with workspace.vault.transaction() as connection:
        found = journal.verify(workspace, connection)
    assert found.covered == found.entries


def test_signing_the_same_head_twice_keeps_one(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        before = journal.verify(workspace, connection).checkpoints
        journal.append(workspace, connection, "something")
        assert journal.sign_head(workspace, connection) == journal.sign_head(workspace, connection)
        assert journal.verify(workspace, connection).checkpoints == before + 1


@pytest.mark.parametrize("fault", ["changed", "removed", "cut", "swapped", "emptied"])
def test_whatever_is_done_to_a_signed_entry_is_noticed(workspace: Workspace, fault: str) -> None:
    signed(workspace)
    with workspace.vault.transaction() as connection:
        last = journal.size(connection) - 1
        if fault == "changed":
            connection.execute(update(LOG_LEAF).where(LOG_LEAF.c.idx == 1).values(entry=b'{"event":"other"}'))
        elif fault == "removed":
            connection.execute(delete(LOG_LEAF).where(LOG_LEAF.c.idx == 1))
        elif fault == "cut":
            connection.execute(delete(LOG_LEAF).where(LOG_LEAF.c.idx >= last - 1))
        elif fault == "swapped":
            one, other = journal.entries(connection)[:2]
            connection.execute(update(LOG_LEAF).where(LOG_LEAF.c.idx == 0).values(entry=other))
            connection.execute(update(LOG_LEAF).where(LOG_LEAF.c.idx == 1).values(entry=one))
        else:
            connection.execute(delete(LOG_LEAF))
        with pytest.raises(NotVerifiedError, match="log"):
            journal.verify(workspace, connection)


def test_a_checkpoint_that_the_log_key_did_not_sign_is_noticed(workspace: Workspace) -> None:
    signed(workspace)
    with workspace.vault.transaction() as connection:
        last = connection.execute(select(func.max(CHECKPOINT.c.size))).scalar_one()
        note = str(connection.execute(select(CHECKPOINT.c.note).where(CHECKPOINT.c.size == last)).scalar_one())
        size = int(note.splitlines()[1])
        for false in (note.replace(f"\n{size}\n", f"\n{size - 1}\n"), note.replace(journal.origin(workspace), "other")):
            connection.execute(update(CHECKPOINT).where(CHECKPOINT.c.size == last).values(note=false))
            with pytest.raises(ExpungeError):
                journal.verify(workspace, connection)


def test_a_checkpoint_under_another_size_is_noticed(workspace: Workspace) -> None:
    signed(workspace)
    with workspace.vault.transaction() as connection:
        last = connection.execute(select(func.max(CHECKPOINT.c.size))).scalar_one()
        connection.execute(update(CHECKPOINT).where(CHECKPOINT.c.size == last).values(size=last + 1))
        with pytest.raises(NotVerifiedError, match="covers"):
            journal.verify(workspace, connection)


def test_an_entry_of_a_cut_short_transaction_is_not_there(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        size = journal.size(connection)
    with pytest.raises(RuntimeError, match="killed"), workspace.vault.transaction() as connection:  # noqa: PT012  # cut short in the middle
        journal.append(workspace, connection, "half")
        raise RuntimeError("killed")
    with workspace.vault.transaction() as connection:
        assert journal.size(connection) == size


def test_the_log_names_nobody(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        content = b"".join(journal.entries(connection))
    assert b"71001" not in content
    assert "Grünwald".encode() not in content


def test_nothing_is_signed_on_top_of_a_log_that_was_changed(workspace: Workspace) -> None:
    signed(workspace)
    with workspace.vault.transaction() as connection:
        entry = connection.execute(select(LOG_LEAF.c.entry).where(LOG_LEAF.c.idx == 1)).scalar_one()
        connection.execute(update(LOG_LEAF).where(LOG_LEAF.c.idx == 1).values(entry=entry.replace(b"owner", b"other")))
        notes = connection.execute(select(func.count()).select_from(CHECKPOINT)).scalar_one()
        with pytest.raises(NotVerifiedError, match="not those that were signed"):
            journal.sign_head(workspace, connection)
        assert connection.execute(select(func.count()).select_from(CHECKPOINT)).scalar_one() == notes


def test_a_log_that_lost_its_end_is_not_signed(workspace: Workspace) -> None:
    signed(workspace)
    with workspace.vault.transaction() as connection:
        connection.execute(delete(LOG_LEAF).where(LOG_LEAF.c.idx > 1))
        with pytest.raises(NotVerifiedError, match="covers"):
            journal.sign_head(workspace, connection)


def test_without_the_log_key_nothing_is_begun(workspace: Workspace) -> None:
    (workspace.keys / "log.key").unlink()
    generate_key(workspace.keys / "log.key")
    with pytest.raises(WorkspaceError, match=r"log\.key is not the key of log\.pem"), journal.recording(workspace):
        pytest.fail("it was begun")


@pytest.mark.parametrize(("back", "told"), [(timedelta(minutes=4), None), (timedelta(minutes=6), "behind")])
def test_a_clock_that_was_set_back_is_noted_once(
    back: timedelta, told: str | None, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = (datetime.now(UTC) - back).strftime("%Y-%m-%dT%H:%M:%SZ")
    with workspace.vault.transaction() as connection:
        journal.append(workspace, connection, "one")
        monkeypatch.setattr(journal, "now", lambda: earlier)
        journal.append(workspace, connection, "two")
        journal.append(workspace, connection, "three")
        last = [json.loads(entry) for entry in journal.entries(connection)[-3:]]
    assert [one.get("clock") for one in last] == [None, told, None]


def test_a_last_entry_that_does_not_say_when_is_no_obstacle(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        for entry in (b"?", b"[]", b'{"at":"yesterday"}'):
            journal.append_entry(connection, entry)
            assert journal.last_time(connection) is None
            journal.append(workspace, connection, "next")
