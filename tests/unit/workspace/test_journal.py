"""The audit log: whatever is changed in what was signed is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeAlias

import pytest
from sqlalchemy import delete, func, select, update

from expunge.errors import ExpungeError, NotVerifiedError
from expunge.log.merkle import leaf_hash
from expunge.vault.database import CHECKPOINT, LOG_LEAF
from expunge.workspace import journal
from expunge.workspace.folder import Workspace

Acting: TypeAlias = Callable[..., Workspace]


def signed(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        for number in range(3):
            journal.append(workspace, connection, "test", number=number)
        journal.sign_head(workspace, connection)
        journal.append(workspace, connection, "after")


def test_entries_are_kept_in_order_with_actor_and_time(workspace: Workspace, acting: Acting) -> None:
    dora = acting(workspace, "dora", "auditor")
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
    assert {one["policy"] for one in entries} == {workspace.policy.version}


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
