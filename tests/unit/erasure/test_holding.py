"""A hold names its ground and its end, is told in a letter, and resumes by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from expunge.domain.request import Law, Outcome, Request, State
from expunge.erasure import clock, decide, execute, holding, intake, office, requests
from expunge.errors import IllegalMoveError, InputError, WorkspaceBusyError
from expunge.workspace import journal
from expunge.workspace.folder import Workspace, open_workspace

AHEAD = timedelta(days=60)


def planned(workspace: Workspace, subject: int = 71001, law: Law = Law.GDPR) -> Request:
    return intake.submit(workspace, str(subject), law)


def events(workspace: Workspace, request: str) -> list[str]:
    with workspace.vault.transaction() as connection:
        entries = map(json.loads, journal.entries(connection))
        return [entry["event"] for entry in entries if entry.get("request") == request]


def loaded(workspace: Workspace, request: str) -> Request:
    with workspace.vault.transaction() as connection:
        return requests.load(connection, request)


@pytest.fixture
def days_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], date]:
    """Let so many days pass for the office."""
    now = clock.today()

    def passed(days: int) -> date:
        monkeypatch.setattr(clock, "today", lambda: now + timedelta(days=days))
        return clock.today()

    return passed


def test_a_held_request_waits_and_the_letter_says_why_until_when_and_what_one_can_do(workspace: Workspace) -> None:
    until = clock.today() + AHEAD
    request = holding.hold(workspace, planned(workspace).id, "Art. 17(3)(e)", until)
    assert request.state is State.HELD
    assert request.hold is not None
    assert (request.hold.ground, request.hold.until) == ("17(3)(e)", until)
    text = (workspace.letters / request.id / "hold.txt").read_text()
    for said in ("Art. 17(3)(e)", until.isoformat(), "complain", "court", "77 and 79"):
        assert said in text
    assert "71001" not in text
    with pytest.raises(IllegalMoveError, match=f"held until {until}.*expunge request resume"):
        decide.approve(workspace, request.id)
    with pytest.raises(IllegalMoveError, match="is held, not approved"):
        execute.erase(workspace, [request.id])


def test_holding_again_alike_changes_nothing_and_otherwise_is_refused(workspace: Workspace) -> None:
    until = clock.today() + AHEAD
    request = holding.hold(workspace, planned(workspace).id, "17(3)(e)", until)
    before = events(workspace, request.id)
    assert holding.hold(workspace, request.id, "17-3-e", until) == request
    assert events(workspace, request.id) == before
    with pytest.raises(IllegalMoveError, match="expunge request resume"):
        holding.hold(workspace, request.id, "17(3)(b)", until)


@pytest.mark.parametrize("given", [{}, {"until": True, "start": True}])
def test_a_hold_needs_one_end(workspace: Workspace, given: dict[str, bool]) -> None:
    request = planned(workspace)
    days = {name: clock.today() + AHEAD for name in given}
    with pytest.raises(InputError, match="--until"):
        holding.hold(workspace, request.id, "17(3)(e)", **days)
    assert loaded(workspace, request.id) == request


def test_a_hold_ends_ahead_and_on_a_ground_of_its_law(workspace: Workspace) -> None:
    request = planned(workspace)
    with pytest.raises(InputError, match="ahead"):
        holding.hold(workspace, request.id, "17(3)(e)", clock.today())
    with pytest.raises(InputError, match=r"Hold grounds are: 17\(3\)\(b\)"):
        holding.hold(workspace, request.id, "1798.105(d)(8)", clock.today() + AHEAD)
    with pytest.raises(InputError, match="names no period"):
        holding.hold(workspace, request.id, "17(3)(e)", start=clock.today())
    assert loaded(workspace, request.id) == request


def test_a_ground_with_a_period_of_its_own_needs_only_its_start(workspace: Workspace) -> None:
    """Regulation B: 25 months; the day after the last of them is the first on which it holds no longer."""
    (workspace.folder / "policy.json").write_bytes(replace(workspace.policy, packs=("finance",)).to_json())
    bank = open_workspace(workspace.folder)
    start = clock.today()
    request = holding.hold(bank, planned(bank, law=Law.CCPA).id, "Regulation B", start=start)
    assert request.hold is not None
    last = request.hold.until - timedelta(days=1)
    assert (last.year * 12 + last.month) - (start.year * 12 + start.month) == 25
    assert "12 CFR" in (bank.letters / request.id / "hold.txt").read_text()


def submitted(workspace: Workspace) -> None:
    intake.submit(workspace, "71014", Law.GDPR)


@pytest.mark.parametrize("command", [submitted, office.catch_up_if_free])
def test_a_hold_that_has_ended_resumes_with_the_next_command_and_its_clock_runs_from_its_end(
    workspace: Workspace, days_later: Callable[[int], date], command: Callable[[Workspace], object]
) -> None:
    request = planned(workspace)
    until = clock.today() + AHEAD
    holding.hold(workspace, request.id, "17(3)(e)", until)
    days_later(AHEAD.days - 1)
    office.catch_up_if_free(workspace)
    assert loaded(workspace, request.id).state is State.HELD
    days_later(AHEAD.days + 9)
    command(workspace)
    resumed = loaded(workspace, request.id)
    assert (resumed.state, resumed.approver) == (State.PLANNED, None)
    end = datetime(until.year, until.month, until.day, tzinfo=UTC)
    assert resumed.due == max(request.due, clock.due(workspace, Law.GDPR, end))
    assert "hold ended" in events(workspace, request.id)
    decide.approve(workspace, request.id)
    assert execute.erase(workspace, [request.id]).requests[0].outcome is Outcome.ERASED


@pytest.mark.parametrize(("law", "ground"), [(Law.GDPR, "12(6)"), (Law.CCPA, "verification"), (Law.GDPR, "18(1)(a)")])
def test_a_hold_that_is_no_answer_moves_no_clock(
    workspace: Workspace, days_later: Callable[[int], date], law: Law, ground: str
) -> None:
    """11 CCR 7021(b): the 45 days run from receipt, however long verification takes."""
    request = planned(workspace, law=law)
    holding.hold(workspace, request.id, ground, clock.today() + AHEAD)
    days_later(AHEAD.days)
    office.catch_up_if_free(workspace)
    resumed = loaded(workspace, request.id)
    assert (resumed.state, resumed.due) == (State.PLANNED, request.due)


def test_a_short_hold_never_shortens_the_time(workspace: Workspace, days_later: Callable[[int], date]) -> None:
    request = planned(workspace)
    held = holding.hold(workspace, request.id, "17(3)(e)", clock.today() + timedelta(days=1))
    assert held.due == request.due
    days_later(1)
    office.catch_up_if_free(workspace)
    assert loaded(workspace, request.id).due >= request.due


def test_what_is_over_is_not_held(workspace: Workspace) -> None:
    request = decide.approve(workspace, planned(workspace).id)
    execute.erase(workspace, [request.id])
    with pytest.raises(IllegalMoveError, match="over: erased"):
        holding.hold(workspace, request.id, "17(3)(e)", until=clock.today() + AHEAD)


def test_a_hold_can_be_ended_early(workspace: Workspace) -> None:
    request = planned(workspace)
    with pytest.raises(IllegalMoveError, match="not held"):
        holding.resume(workspace, request.id)
    holding.hold(workspace, request.id, "17(3)(e)", clock.today() + AHEAD)
    resumed = holding.resume(workspace, request.id)
    assert resumed.state is State.PLANNED
    assert resumed.hold is not None
    assert resumed.hold.until == clock.today()
    assert holding.hold(workspace, request.id, "17(3)(b)", clock.today() + AHEAD).state is State.HELD
    first, second = ((workspace.letters / request.id / name).read_text() for name in ("hold.txt", "hold-2.txt"))
    assert "Art. 17(3)(e)" in first
    assert "Art. 17(3)(b)" in second


def test_a_letter_that_a_kill_left_out_is_written_by_the_next_command(workspace: Workspace) -> None:
    request = planned(workspace)
    holding.hold(workspace, request.id, "17(3)(e)", clock.today() + AHEAD)
    letter = workspace.letters / request.id / "hold.txt"
    text = letter.read_bytes()
    letter.unlink()
    intake.submit(workspace, "71014", Law.GDPR)
    assert letter.read_bytes() == text


def test_while_a_batch_is_on_its_way_an_ended_hold_waits(
    workspace: Workspace, days_later: Callable[[int], date], approve: Callable[..., list[str]]
) -> None:
    request = planned(workspace)
    holding.hold(workspace, request.id, "17(3)(e)", clock.today() + timedelta(days=1))
    ids = approve(workspace, 71014)

    def stop(_: State) -> None:
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        execute.erase(workspace, ids, stop)
    days_later(2)
    with pytest.raises(WorkspaceBusyError, match="expunge erase"):
        holding.resume(workspace, request.id)
    assert loaded(workspace, request.id).state is State.HELD
    execute.erase(workspace, ids)
    assert loaded(workspace, request.id).state is State.PLANNED
