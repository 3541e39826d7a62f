"""What is due, late, blocked, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from expunge.domain.recipient import RecipientKind
from expunge.domain.request import Law, State
from expunge.erasure import clock, decide, due, execute, holding, intake, release, requests
from expunge.errors import CheckFailedError, RecipientsOpenError, UtilityGuardError
from expunge.workspace import recipients, register
from expunge.workspace.folder import Workspace, open_workspace

Approve = Callable[..., list[str]]


def only(workspace: Workspace) -> due.Line:
    (line,) = due.overview(workspace)
    return line


def ago(days: int) -> datetime:
    return datetime.now().astimezone() - timedelta(days=days)


def test_late_ones_come_first_then_by_their_last_day_and_closed_ones_not_at_all(workspace: Workspace) -> None:
    asked = [("71001", Law.CCPA, 30), ("71014", Law.GDPR, 90), ("71027", Law.GDPR, 5), ("71040", Law.GDPR, 60)]
    ids = {who: intake.submit(workspace, who, law, ago(days)).id for who, law, days in asked}
    decide.refuse(workspace, ids["71040"], "12(5)")
    lines = due.overview(workspace)
    assert [line.request.id for line in lines] == [ids["71014"], ids["71001"], ids["71027"]]
    assert [line.late for line in lines] == [True, False, False]
    assert lines[0].days_left < 0 < lines[1].days_left < lines[2].days_left
    assert [line.request.id for line in due.overview(workspace, 20)] == [ids["71014"], ids["71001"]]


def test_each_line_says_what_it_waits_for_and_what_to_do(workspace: Workspace, approve: Approve) -> None:
    request = intake.submit(workspace, "71001", Law.GDPR)
    assert (only(workspace).blocked, only(workspace).following) == (
        "not approved",
        f"expunge request approve {request.id}",
    )
    decide.approve(workspace, request.id)
    assert (only(workspace).blocked, only(workspace).following) == (None, f"expunge erase {request.id}")
    until = clock.today() + timedelta(days=50)
    holding.hold(workspace, request.id, "17(3)(e)", until)
    line = only(workspace)
    assert line.blocked == f"held under 17(3)(e) until {until}"
    assert line.following == f"expunge request resume {request.id}"


@pytest.mark.parametrize(("ground", "is_late"), [("17(3)(e)", False), ("12(6)", True)])
def test_who_is_held_is_late_unless_the_hold_is_an_answer(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, ground: str, *, is_late: bool
) -> None:
    request = intake.submit(workspace, "71001", Law.GDPR)
    today = clock.today()
    holding.hold(workspace, request.id, ground, today + timedelta(days=90))
    monkeypatch.setattr(clock, "today", lambda: today + timedelta(days=60))
    line = only(workspace)
    assert (line.late, line.days_left < 0) == (is_late, True)
    assert [one.id for one in due.held_within(workspace, 0)] == [request.id]


def test_four_eyes_need_another_actor(workspace: Workspace, approve: Approve, acting: Callable[..., Workspace]) -> None:
    (workspace.folder / "policy.json").write_bytes(replace(workspace.policy, four_eyes=True).to_json())
    strict = open_workspace(workspace.folder)
    approve(strict, 71001)
    assert "four eyes" in str(only(strict).blocked)
    assert only(acting(strict, "dora", "privacy_officer")).blocked is None
    assert only(acting(strict, "otto", "auditor")).blocked is None


def test_a_changed_policy_needs_approval_again(workspace: Workspace, approve: Approve) -> None:
    approve(workspace, 71001)
    (workspace.folder / "policy.json").write_bytes(replace(workspace.policy, held_out=0.3).to_json())
    assert "policy changed" in str(only(open_workspace(workspace.folder)).blocked)


def test_a_batch_that_may_wait_says_until_when(workspace: Workspace, approve: Approve) -> None:
    policy = replace(workspace.policy, min_batch=5, window_days=7)
    (workspace.folder / "policy.json").write_bytes(policy.to_json())
    patient = open_workspace(workspace.folder)
    (request,) = approve(patient, 71001)
    line = only(patient)
    last, _, _ = release.latest(policy, line.request)
    assert f"may wait for a batch of 5, until {last} at the latest" in str(line.blocked)
    done = execute.erase(patient, [request])
    assert done.waiting is not None
    assert done.waiting.latest == last


def test_an_unfinished_batch_blocks_others(workspace: Workspace, approve: Approve) -> None:
    ids = approve(workspace, 71001, 71014)

    def stop(_: State) -> None:
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        execute.erase(workspace, ids[:1], stop)
    waiting = intake.submit(workspace, "71027", Law.GDPR)
    lines = {line.request.id: line for line in due.overview(workspace)}
    assert "is unfinished, after unlearned" in str(lines[ids[0]].blocked)
    assert lines[ids[0]].following == f"expunge erase {ids[0]}"
    assert (lines[ids[1]].blocked, lines[ids[1]].following) == ("another batch is unfinished", due.FINISH)
    assert lines[waiting.id].following == due.FINISH
    execute.erase(workspace, execute.due_within(workspace, 0))
    assert {line.request.state for line in due.overview(workspace)} == {State.APPROVED, State.PLANNED}


def test_a_failed_batch_says_why(workspace: Workspace, approve: Approve, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = approve(workspace, 71001)

    def broken(*_: object) -> None:
        raise CheckFailedError("the disk smells.", mend="Mend it.")

    monkeypatch.setitem(execute.WORK, State.VERIFIED, execute.Step(broken))
    with pytest.raises(CheckFailedError):
        execute.erase(workspace, ids)
    assert "the disk smells" in str(only(workspace).blocked)


def test_an_open_recipient_is_named(workspace: Workspace, approve: Approve) -> None:
    recipients.add(workspace, "Lab", RecipientKind.PROCESSOR)
    recipients.disclose(workspace, "Lab", "visits", "dataset")
    ids = approve(workspace, 71001)
    with pytest.raises(RecipientsOpenError):
        execute.erase(workspace, ids)
    line = only(workspace)
    assert "recipients are not told: T-" in str(line.blocked)
    assert line.following.startswith("expunge task show T-")


def test_receipt_that_is_not_confirmed_has_a_day_under_the_ccpa(workspace: Workspace) -> None:
    first, second = (intake.submit(workspace, who, law) for who, law in (("71001", Law.CCPA), ("71014", Law.GDPR)))
    assert {line.confirm_by for line in due.overview(workspace)} == {None}
    for request in (first, second):
        (workspace.letters / request.id / "receipt.txt").unlink()
    found = {line.request.id: line.confirm_by for line in due.overview(workspace)}
    assert found == {first.id: clock.confirm_by(workspace, first), second.id: None}
    assert found[first.id] is not None


def test_what_has_come_due_goes_on_unless_another_process_writes(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = intake.submit(workspace, "71001", Law.GDPR)
    today = clock.today()
    holding.hold(workspace, request.id, "17(3)(e)", today + timedelta(days=1))
    monkeypatch.setattr(clock, "today", lambda: today + timedelta(days=2))
    other = open_workspace(workspace.folder)
    with other.writing():
        assert "its hold has ended" in str(only(workspace).blocked)
    with workspace.vault.transaction() as connection:
        assert requests.load(connection, request.id).state is State.HELD
    assert only(workspace).blocked == "not approved"


def test_who_may_only_look_changes_nothing(
    workspace: Workspace, acting: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = intake.submit(workspace, "71001", Law.GDPR)
    today = clock.today()
    holding.hold(workspace, request.id, "17(3)(e)", today + timedelta(days=1))
    auditor = acting(workspace, "otto", "auditor")
    monkeypatch.setattr(clock, "today", lambda: today + timedelta(days=2))
    assert "its hold has ended" in str(only(auditor).blocked)
    with workspace.vault.transaction() as connection:
        assert requests.load(connection, request.id).state is State.HELD


def test_a_model_that_waits_for_a_decision_is_named(
    workspace: Workspace, under: Callable[..., Workspace], approve: Approve
) -> None:
    guarded = under(workspace, utility_drop=0.0)
    with guarded.vault.transaction() as connection:
        version = register.current(connection, register.by_name(connection, "ridge").id)
        learned = sorted(int(one) for one in register.open_learner(guarded, connection, version).subjects_held())
    with pytest.raises(UtilityGuardError):
        execute.erase(guarded, approve(guarded, *learned[:6]))
    line = due.overview(guarded)[0]
    assert line.blocked == "it waits for a decision on model ridge"
    assert line.following.startswith("expunge model decide ridge")
