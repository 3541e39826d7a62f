"""A copy of the ledger that was kept elsewhere: taken in whole, unaltered, and by its own workspace only."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expunge.errors import (
    EnvelopeFormatError,
    ExpungeError,
    InputError,
    KeyDestroyedError,
    NotFoundError,
    NotVerifiedError,
)
from expunge.vault import ledger
from expunge.workspace import journal, ledger_copy, suppression
from expunge.workspace.folder import Workspace, init, open_workspace


@pytest.fixture
def exported(workspace: Workspace, tmp_path: Path) -> Path:
    """The copy of a ledger of three people, one of whom is retained somewhere."""
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        people: dict[str, dict[str, str]] = {"Wilhelmina Grünwald": {}, "123456789": {"D-1": "records"}, "8": {}}
        ledger.suppress(workspace.vault, connection, people, "B-1", "2999-01-01T00:00:00Z")
    file = tmp_path / "ledger.json"
    assert ledger_copy.export(workspace, file) == 3
    return file


def entries(workspace: Workspace) -> list[ledger.Entry]:
    with workspace.vault.transaction() as connection:
        return ledger.entries(connection)


def lose(workspace: Workspace) -> None:
    """What a restore from a backup before the erasure does."""
    with workspace.vault.transaction() as connection:
        ledger.forget_everybody(connection)


def test_what_was_lost_is_taken_in_again_once(workspace: Workspace, exported: Path) -> None:
    before = entries(workspace)
    lose(workspace)
    assert ledger_copy.restore(workspace, exported) == 3
    assert entries(workspace) == before
    assert ledger_copy.restore(workspace, exported) == 0
    with workspace.vault.transaction() as connection:
        events = [json.loads(entry) for entry in journal.entries(connection)]
        found = journal.verify(workspace, connection)
    told = [(one["event"], one["people"]) for one in events if one["event"].startswith("suppression ledger")]
    assert told == [
        ("suppression ledger exported", 3),
        ("suppression ledger restored", 3),
        ("suppression ledger restored", 0),
    ]
    assert found.covered == found.entries


def test_a_copy_names_nobody_and_is_its_owners(exported: Path) -> None:
    content = exported.read_text(encoding="utf-8")
    assert "Wilhelmina" not in content
    assert "123456789" not in content
    assert exported.stat().st_mode & 0o777 == 0o600


def test_an_older_copy_is_not_written_over(workspace: Workspace, exported: Path) -> None:
    before = exported.read_bytes()
    with pytest.raises(InputError, match="not written over"):
        ledger_copy.export(workspace, exported)
    assert exported.read_bytes() == before


def test_who_was_released_since_the_copy_is_suppressed_again(workspace: Workspace, exported: Path) -> None:
    suppression.release(workspace, "8", "new consent")
    assert ledger_copy.restore(workspace, exported) == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_copy_of_which_one_byte_was_changed_is_not_taken_in(
    workspace: Workspace, exported: Path, data: st.DataObject
) -> None:
    content = bytearray(exported.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    changed = exported.with_name("changed.json")
    changed.write_bytes(content)
    lose(workspace)
    with pytest.raises((EnvelopeFormatError, NotVerifiedError)):
        ledger_copy.restore(workspace, changed)
    assert entries(workspace) == []


def test_a_copy_from_which_somebody_was_left_out_is_not_taken_in(workspace: Workspace, exported: Path) -> None:
    content = json.loads(exported.read_text())
    del content["ledger"]["entries"][1]
    exported.write_text(json.dumps(content, sort_keys=True, separators=(",", ":")) + "\n")
    with pytest.raises(NotVerifiedError, match="changed since"):
        ledger_copy.restore(workspace, exported)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"authenticator":"0","ledger":{}}', b"[1]", b"x" * 99])
def test_what_is_no_copy_is_refused(workspace: Workspace, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(EnvelopeFormatError):
        ledger_copy.restore(workspace, tmp_path / "file")
    with pytest.raises(NotFoundError):
        ledger_copy.restore(workspace, tmp_path)


def test_the_copy_of_another_workspace_is_not_taken_in(exported: Path, tmp_path: Path) -> None:
    init(tmp_path / "other")
    with pytest.raises(NotVerifiedError, match="another ledger"):
        ledger_copy.restore(open_workspace(tmp_path / "other"), exported)


def test_without_its_key_a_copy_is_of_no_use(workspace: Workspace, exported: Path) -> None:
    (workspace.keys / "ledger.key").unlink()
    with pytest.raises(KeyDestroyedError):
        ledger_copy.restore(workspace, exported)
    lose(workspace)
    with pytest.raises(ExpungeError, match=r"ledger\.key"):
        ledger_copy.restore(workspace, exported)


def test_an_empty_ledger_has_a_copy_too(prepared: Path, copy_of: Callable[[Path], Path], tmp_path: Path) -> None:
    workspace = open_workspace(copy_of(prepared))
    (workspace.keys / "ledger.key").unlink()
    assert ledger_copy.export(workspace, tmp_path / "empty.json") == 0
    assert ledger_copy.restore(workspace, tmp_path / "empty.json") == 0
