"""Who is in which object: the root says exactly that, version by version."""

from __future__ import annotations

import pytest

from expunge.errors import NotFoundError
from expunge.log.sparse import members_root
from expunge.vault import subjects
from expunge.workspace import data, members
from expunge.workspace.folder import Workspace


def entered(workspace: Workspace) -> dict[int, bytes]:
    """Enter four people with one to four records in the object "X"."""
    with workspace.vault.transaction() as connection:
        (dataset,) = data.every(workspace, connection)
        refs, _ = subjects.enrol(workspace.vault, connection, dataset.id, range(1, 5))
        counts = {ref: int(subject) for subject, ref in refs.items()}
        members.enter(workspace.vault, connection, "X", refs, counts)
    return {int(subject): ref for subject, ref in refs.items()}


def test_the_first_version_holds_who_was_entered(workspace: Workspace) -> None:
    refs = entered(workspace)
    with workspace.vault.transaction() as connection:
        held = members.commitments(connection, "X")
        assert held.keys() == set(refs.values())
        assert members.current_root(connection, "X") == members_root(held.values()).hex()
        assert members.totals(connection, "X") == (4, 10)
        assert members.records(connection, "X", [refs[3], refs[1], b"nobody"]) == {refs[3]: 3, refs[1]: 1}
        (first,) = members.version_roots(connection, "X")
    assert (first.version, first.members, first.why) == (1, 4, "made")


def test_who_leaves_is_gone_and_the_others_stay(workspace: Workspace) -> None:
    refs = entered(workspace)
    with workspace.vault.transaction() as connection:
        before = members.commitments(connection, "X")
        members.leave(connection, "X", [refs[2], b"nobody"])
        after = members.commitments(connection, "X")
        assert after == {ref: one for ref, one in before.items() if ref != refs[2]}
        members.new_version(connection, "X", 2, members_root(after.values()).hex(), 3, "B-1")
        assert [(one.version, one.members, one.why) for one in members.version_roots(connection, "X")] == [
            (1, 4, "made"),
            (2, 3, "B-1"),
        ]
        assert members.current_root(connection, "X") == members_root(after.values()).hex()


def test_leaving_one_object_is_not_leaving_another(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        (dataset,) = data.every(workspace, connection)
        refs = subjects.find(workspace.vault, connection, dataset.id, [71001])
        members.leave(connection, "X", refs.values())
        assert members.records(connection, dataset.id, list(refs.values()))


def test_a_disbanded_object_has_no_members_and_keeps_its_history(workspace: Workspace) -> None:
    entered(workspace)
    with workspace.vault.transaction() as connection:
        roots = members.version_roots(connection, "X")
        members.disband(connection, "X")
        assert members.commitments(connection, "X") == {}
        assert members.totals(connection, "X") == (0, 0)
        assert members.version_roots(connection, "X") == roots


def test_an_unknown_object_is_not_found(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection, pytest.raises(NotFoundError, match="'none'"):
        members.current_root(connection, "none")
