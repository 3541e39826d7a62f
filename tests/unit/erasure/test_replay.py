"""Replaying certificates: what is true stays true, and a broken chain is noticed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from expunge.domain.report import Verdict
from expunge.erasure import execute
from expunge.erasure.replay import Replayed, replay_certificate
from expunge.vault.database import CERTIFICATE, OBJECT_VERSION
from expunge.workspace import data
from expunge.workspace.folder import Workspace

Approve = Callable[..., list[str]]


def erased(workspace: Workspace, approve: Approve, person: int) -> Path:
    done = execute.erase(workspace, approve(workspace, person))
    return workspace.certificates / f"{done.certificate}.json"


def verdicts(found: list[Replayed]) -> set[Verdict]:
    return {one.verdict for one in found}


def test_a_true_certificate_stays_true_when_the_schema_is_confirmed(
    approve: Approve, make: Callable[..., Workspace], people: object
) -> None:
    workspace = make(people, confirm=False, roles=("name=direct-identifier", "note=free-text"))
    certificate = erased(workspace, approve, 71_014)
    data.confirm(workspace, "visits")
    assert verdicts(replay_certificate(workspace, certificate)) == {Verdict.PASSED}


def test_an_older_certificate_is_followed_to_today(workspace: Workspace, approve: Approve) -> None:
    first = erased(workspace, approve, 71_001)
    erased(workspace, approve, 71_014)
    last = erased(workspace, approve, 71_027)
    assert Verdict.FAILED not in verdicts(replay_certificate(workspace, first))
    assert any("chain of members roots holds" in one.detail for one in replay_certificate(workspace, first))
    assert Verdict.PASSED in verdicts(replay_certificate(workspace, last))


@pytest.mark.parametrize("fault", ["root", "certificate"])
def test_a_gap_between_an_older_certificate_and_today_is_noticed(
    workspace: Workspace, approve: Approve, fault: str
) -> None:
    first = erased(workspace, approve, 71_001)
    second = erased(workspace, approve, 71_014)
    erased(workspace, approve, 71_027)
    with workspace.vault.transaction() as connection:
        if fault == "certificate":
            connection.execute(delete(CERTIFICATE).where(CERTIFICATE.c.id == second.stem))
        else:
            connection.execute(
                update(OBJECT_VERSION).where(OBJECT_VERSION.c.version == 4).values(members_root="0" * 64)
            )
    assert Verdict.FAILED in verdicts(replay_certificate(workspace, first))
