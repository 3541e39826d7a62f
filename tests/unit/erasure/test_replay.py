"""Replaying certificates: what is true stays true, and a broken chain is noticed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from expunge.certificates.verify import Verified
from expunge.domain.plan import Method
from expunge.domain.report import Verdict
from expunge.erasure import execute, requests
from expunge.erasure.replay import Replayed, replay_certificate
from expunge.vault.database import CERTIFICATE, MODEL, OBJECT_VERSION
from expunge.workspace import data, models, seeds
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


def test_the_chain_holds_across_renewals_of_the_seed(workspace: Workspace, approve: Approve) -> None:
    first = erased(workspace, approve, 71_014)
    for name in ("ridge", "additive", "ridge"):
        seeds.rotate(workspace, name)
    found = {one.name: one for one in replay_certificate(workspace, first)}
    assert {found["model ridge"].verdict, found["model additive"].verdict} == {Verdict.NOT_RUN}
    assert "its seed was renewed since" in found["model ridge"].detail
    assert found["dataset visits"].verdict is Verdict.PASSED
    last = erased(workspace, approve, 71_027)
    seeds.rotate(workspace, "ridge")
    for certificate in (first, last):
        assert Verdict.FAILED not in verdicts(replay_certificate(workspace, certificate))
    found = {one.name: one for one in replay_certificate(workspace, first)}
    assert "others were erased since" in found["model additive"].detail
    assert "chain of members roots holds" in found["model ridge"].detail
    again = {one.name: one.verdict for one in replay_certificate(workspace, last)}
    assert again["model additive"] is Verdict.PASSED


def test_a_renewal_does_not_hide_a_gap(workspace: Workspace, approve: Approve) -> None:
    """A version that somebody left must have its certificate, however many renewals lie around it."""
    first = erased(workspace, approve, 71_014)
    seeds.rotate(workspace, "ridge")
    second = erased(workspace, approve, 71_027)
    seeds.rotate(workspace, "ridge")
    assert Verdict.FAILED not in verdicts(replay_certificate(workspace, first))
    with workspace.vault.transaction() as connection:
        connection.execute(delete(CERTIFICATE).where(CERTIFICATE.c.id == second.stem))
    found = {one.name: one for one in replay_certificate(workspace, first)}
    assert found["model ridge"].verdict is Verdict.FAILED


def test_a_seed_that_is_due_is_renewed_in_the_batch(
    workspace: Workspace,
    approve: Approve,
    certified: Callable[[Workspace, str], Verified],
    under: Callable[..., Workspace],
) -> None:
    strict = under(workspace, rotate_days=30)
    with strict.vault.transaction() as connection:
        connection.execute(update(MODEL).where(MODEL.c.name == "ridge").values(seeded="2020-01-01T00:00:00Z"))
    ids = approve(strict, 71_014)
    with strict.vault.transaction() as connection:
        planned = {copy["name"]: copy for copy in requests.plan(connection, ids[0])["copies"]}
    assert (planned["ridge"]["rotates"], planned["ridge"]["method"]) == (True, Method.REFIT)
    assert "its seed is of 2020-01-01 and is renewed" in planned["ridge"]["why"]
    assert not planned["additive"]["rotates"]
    done = execute.erase(strict, ids)
    assert done.certificate is not None
    copies = {copy.name: copy for copy in certified(strict, done.certificate).statement.copies}
    ridge, additive = copies["ridge"].seed, copies["additive"].seed
    assert ridge is not None
    assert additive is not None
    assert (ridge.number, ridge.renewed, copies["ridge"].method) == (2, True, Method.REFIT)
    assert (additive.number, additive.renewed) == (1, False)
    shown = models.show(strict, "ridge")
    assert (shown.seed, shown.seeded) == (2, ridge.since)
    assert verdicts(replay_certificate(strict, strict.certificates / f"{done.certificate}.json")) == {Verdict.PASSED}
