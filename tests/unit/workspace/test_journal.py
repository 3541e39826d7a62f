"""The audit log: whatever is changed in what was signed is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, func, insert, select, update

from expunge.certificates.keys import generate_key
from expunge.errors import EnvelopeFormatError, ExpungeError, NotFoundError, NotVerifiedError, WorkspaceError
from expunge.log.checkpoint import Checkpoint, sign_checkpoint
from expunge.log.merkle import leaf_hash, root
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


# A checkpoint that was kept elsewhere.


@contextmanager
def undone(workspace: Workspace) -> Iterator[Connection]:
    """A transaction that is taken back, so that one workspace serves many attacks."""
    with workspace.vault.engine.connect() as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def pinned(workspace: Workspace) -> str:
    """A checkpoint kept elsewhere; three entries and another checkpoint came since."""
    signed(workspace)
    note = journal.checkpoint(workspace)
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        for number in range(3):
            journal.append(workspace, connection, "since", number=number)
    return note


def rewrite(connection: Connection, entries: list[bytes]) -> None:
    connection.execute(delete(LOG_LEAF))
    if entries:
        connection.execute(insert(LOG_LEAF), [{"idx": idx, "entry": entry} for idx, entry in enumerate(entries)])


def sign_anew(workspace: Workspace, connection: Connection) -> None:
    """What an operator can do who has the log's key: other checkpoints, all of them true of the log as it is now."""
    hashes = journal.leaves(connection)
    connection.execute(delete(CHECKPOINT))
    for size in sorted({1, len(hashes) // 2, len(hashes)} - {0}):
        note = sign_checkpoint(Checkpoint(journal.origin(workspace), size, root(hashes[:size])), workspace.log_key)
        connection.execute(insert(CHECKPOINT).values(size=size, note=note))


def detected(workspace: Workspace, connection: Connection, pinned: str | None) -> bool:
    try:
        journal.verify(workspace, connection, pinned)
    except NotVerifiedError:
        return True
    return False


OTHER = b'{"event":"other"}'
ATTACKS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "an entry is changed": lambda log: [log[0], OTHER, *log[2:]],
    "an entry is taken out": lambda log: [log[0], *log[2:]],
    "an entry is slipped in": lambda log: [log[0], OTHER, *log[1:]],
    "two entries change places": lambda log: [log[1], log[0], *log[2:]],
    "the end is cut off": lambda log: log[:3],
    "everything is another": lambda log: [OTHER] * len(log),
}


def test_a_log_agrees_with_its_pinned_checkpoint(workspace: Workspace, pinned: str) -> None:
    with workspace.vault.transaction() as connection:
        found = journal.verify(workspace, connection, pinned)
    assert found.pinned == found.entries - 3
    assert found.covered == found.entries


@pytest.mark.parametrize("attack", ATTACKS)
def test_who_has_the_log_key_too_is_found_by_the_pinned_checkpoint_alone(
    workspace: Workspace, pinned: str, attack: str
) -> None:
    with undone(workspace) as connection:
        rewrite(connection, ATTACKS[attack](journal.entries(connection)))
        assert detected(workspace, connection, None), "the stored checkpoints are of the log as it was"
        assert detected(workspace, connection, pinned)
        sign_anew(workspace, connection)
        assert not detected(workspace, connection, None), "without a pinned checkpoint a fork does not show"
        assert detected(workspace, connection, pinned)


def test_an_end_cut_off_with_its_checkpoints_is_found_by_the_pinned_one_alone(
    workspace: Workspace, pinned: str
) -> None:
    with undone(workspace) as connection:
        size = journal.size(connection) - 4
        connection.execute(delete(LOG_LEAF).where(LOG_LEAF.c.idx >= size))
        connection.execute(delete(CHECKPOINT).where(CHECKPOINT.c.size > size))
        assert not detected(workspace, connection, None)
        with pytest.raises(NotVerifiedError, match=r"pinned checkpoint covers .* it was cut or restored"):
            journal.verify(workspace, connection, pinned)


def test_what_came_after_the_pinned_checkpoint_and_was_rewritten_is_not_its_business(
    workspace: Workspace, pinned: str
) -> None:
    """The limit of a pin: it says nothing of what came later. Pin often."""
    with undone(workspace) as connection:
        rewrite(connection, [*journal.entries(connection)[:-3], OTHER])
        sign_anew(workspace, connection)
        assert not detected(workspace, connection, pinned)


def test_a_forged_entry_at_the_end_is_under_no_checkpoint(workspace: Workspace, pinned: str) -> None:
    with undone(workspace) as connection:
        rewrite(connection, [*journal.entries(connection), OTHER])
        found = journal.verify(workspace, connection, pinned)
    assert found.covered == found.entries - 1


def test_without_any_checkpoint_nothing_is_called_verified(workspace: Workspace, pinned: str) -> None:
    with undone(workspace) as connection:
        connection.execute(delete(CHECKPOINT))
        with pytest.raises(NotVerifiedError, match="no checkpoint"):
            journal.verify(workspace, connection)
        assert journal.verify(workspace, connection, pinned).covered == 0


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_done_to_what_the_pinned_checkpoint_covers_is_found(
    workspace: Workspace, data: st.DataObject
) -> None:
    with undone(workspace) as connection:
        before = journal.entries(connection)
        size = data.draw(st.integers(1, len(before)))
        pin = sign_checkpoint(
            Checkpoint(journal.origin(workspace), size, root(journal.leaves(connection)[:size])), workspace.log_key
        )
        entries = list(before)
        for _ in range(data.draw(st.integers(0, 3))):
            place = data.draw(st.integers(0, len(entries)))
            entries[place : place + data.draw(st.integers(0, 2))] = data.draw(
                st.lists(st.sampled_from([*before, OTHER]), max_size=2)
            )
        rewrite(connection, entries)
        sign_anew(workspace, connection)
        assert detected(workspace, connection, pin) == (entries[:size] != before[:size])


def test_a_pinned_checkpoint_of_another_key_or_log_is_false(workspace: Workspace, pinned: str) -> None:
    other = Ed25519PrivateKey.generate()
    with workspace.vault.transaction() as connection:
        head = Checkpoint(journal.origin(workspace), 1, root(journal.leaves(connection)[:1]))
        for note in (
            sign_checkpoint(head, other),
            sign_checkpoint(Checkpoint("other", 1, head.root), workspace.log_key),
        ):
            with pytest.raises(NotVerifiedError, match="checkpoint"):
                journal.verify(workspace, connection, note)


def test_a_pinned_checkpoint_is_read_from_its_file(workspace: Workspace, pinned: str, tmp_path: Path) -> None:
    (tmp_path / "pinned").write_text(pinned, encoding="utf-8")
    assert journal.read_pinned(tmp_path / "pinned") == pinned


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}", b"hello", b'{"envelope": 1}'])
def test_what_is_no_checkpoint_is_not_read_as_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(EnvelopeFormatError):
        journal.read_pinned(tmp_path / "file")
    with pytest.raises(NotFoundError):
        journal.read_pinned(tmp_path / "none")


def test_an_entry_is_appended_after_the_last_whatever_is_missing(workspace: Workspace) -> None:
    with undone(workspace) as connection:
        last = journal.size(connection) - 1
        connection.execute(delete(LOG_LEAF).where(LOG_LEAF.c.idx == 0))
        assert journal.append(workspace, connection, "next") == last + 1
        assert detected(workspace, connection, None)


def test_the_head_that_is_written_out_is_the_one_that_is_stored(workspace: Workspace) -> None:
    note = journal.checkpoint(workspace)
    with workspace.vault.transaction() as connection:
        last = connection.execute(select(CHECKPOINT.c.note).order_by(CHECKPOINT.c.size.desc())).scalars().first()
    assert note == last == journal.checkpoint(workspace)
