"""A request moves only along its way, and from the shredding on only forward."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from expunge.domain.request import MOVES, STEPS, Extension, Hold, Law, Outcome, Refusal, Request, State
from expunge.errors import IllegalMoveError, InputError

HOLD = Hold("17(3)(e)", date(2026, 11, 3), date(2027, 1, 4))
GROUND: dict[State, dict[str, Any]] = {
    State.REFUSED: {"ground": "17(3)(d)"},
    State.FAILED: {"reason": "the disk is full"},
    State.HELD: {"hold": HOLD},
}
FORWARD = STEPS[STEPS.index(State.SHREDDED) :]
BACK = {State.HELD, State.WITHDRAWN, State.REFUSED, State.PLANNED}


def request(state: State = State.RECEIVED, **fields: Any) -> Request:
    return Request("R-1", Law.GDPR, datetime(2026, 11, 2, tzinfo=UTC), date(2026, 12, 2), state, **fields)


def reachable(state: State) -> set[State]:
    found: set[State] = set()
    waiting = [state]
    while waiting:
        new = MOVES[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def test_the_moves_are_those_of_the_design() -> None:
    """DESIGN section 6, written out a second time."""
    drawn = {
        "received": "identified held withdrawn",
        "identified": "planned held withdrawn",
        "planned": "planned approved refused held withdrawn",
        "approved": "unlearned planned held withdrawn failed",
        "held": "planned refused withdrawn",
        "unlearned": "verified planned approved held withdrawn failed",
        "verified": "shredded planned approved held withdrawn failed",
        "shredded": "published failed",
        "published": "purged failed",
        "purged": "checked failed",
        "checked": "certified failed",
        "certified": "notified",
        "refused": "notified",
        "withdrawn": "notified",
        "notified": "closed",
        "closed": "",
        "failed": "approved unlearned verified shredded published purged checked",
    }
    assert {state.value: {to.value for to in ways} for state, ways in MOVES.items()} == {
        state: set(ways.split()) for state, ways in drawn.items()
    }


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("to", State)
def test_only_drawn_moves_are_possible(state: State, to: State) -> None:
    at = request(state, failed=(to.value, "x") if state is State.FAILED else None)
    if to in MOVES[state]:
        assert at.move(to, **GROUND.get(to, {})).state is to
    else:
        with pytest.raises(IllegalMoveError, match=f"is {state} and cannot become {to}"):
            at.move(to, **GROUND.get(to, {}))
    assert at.state is state


@pytest.mark.parametrize("step", FORWARD)
def test_from_shredded_on_there_is_no_way_back(step: State) -> None:
    later = {step}
    for _ in State:  # a failing step leads back to itself alone, so `failed` is passed through, not branched from
        later |= {to for state in later for to in MOVES[state] if to is not State.FAILED}
    assert not later & BACK
    assert State.CLOSED in later


def test_every_state_can_be_reached_and_left_but_the_last() -> None:
    assert reachable(State.RECEIVED) | {State.RECEIVED} == set(State)
    assert [state for state in State if request(state).final] == [State.CLOSED]
    assert all(State.CLOSED in reachable(state) for state in State if state is not State.CLOSED)


@pytest.mark.parametrize("failing", [State.APPROVED, *STEPS[: STEPS.index(State.CERTIFIED)]])
def test_a_failed_request_returns_only_to_its_step(failing: State) -> None:
    failed = request(failing).move(State.FAILED, reason="the disk is full")
    assert failed.failed == (failing.value, "the disk is full")
    for to in MOVES[State.FAILED]:
        if to is failing:
            assert failed.move(to).failed is None
        else:
            with pytest.raises(IllegalMoveError, match=f"goes back to {failing}"):
                failed.move(to)


def test_a_refusal_needs_a_ground_and_a_failure_a_reason() -> None:
    for wrong in ({}, {"ground": ""}, {"ground": None}):
        with pytest.raises(IllegalMoveError, match="ground"):
            request(State.PLANNED).move(State.REFUSED, **wrong)
    with pytest.raises(IllegalMoveError, match="without a reason"):
        request(State.APPROVED).move(State.FAILED)


def test_a_hold_needs_a_ground_and_an_end() -> None:
    for wrong in ({}, {"hold": None}, {"ground": "17(3)(e)"}):
        with pytest.raises(IllegalMoveError, match="no ground to be held"):
            request(State.PLANNED).move(State.HELD, **wrong)
    assert request(State.PLANNED).move(State.HELD, hold=HOLD).hold == HOLD


@given(
    st.builds(Refusal, st.text(), st.text(), st.none() | st.dates()),
    st.builds(Hold, st.text(), st.dates(), st.dates(), st.none() | st.text()),
    st.builds(Extension, st.dates(), st.text(), st.dates()),
)
def test_refusals_holds_and_extensions_come_back(refusal: Refusal, hold: Hold, extension: Extension) -> None:
    assert Refusal.from_dict(json.loads(json.dumps(refusal.to_dict()))) == refusal
    assert Hold.from_dict(json.loads(json.dumps(hold.to_dict()))) == hold
    assert Extension.from_dict(json.loads(json.dumps(extension.to_dict()))) == extension


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InputError, match="no time zone"):
        Request("R-1", Law.GDPR, datetime(2026, 11, 2), date(2026, 12, 2))  # noqa: DTZ001  # the fault under test


def test_the_error_says_where_the_request_can_go() -> None:
    with pytest.raises(IllegalMoveError, match="nowhere, it is at its end"):
        request(State.CLOSED).move(State.PLANNED)
    with pytest.raises(IllegalMoveError, match="held, identified, withdrawn"):
        request().move(State.CLOSED)


def test_the_json_form_is_plain() -> None:
    assert request(State.FAILED, failed=("unlearned", "why")).to_dict() == {
        "id": "R-1",
        "law": "gdpr",
        "received": "2026-11-02T00:00:00+00:00",
        "due": "2026-12-02",
        "state": "failed",
        "outcome": "open",
        "ground": None,
        "approver": None,
        "approved": None,
        "batch": None,
        "policy": None,
        "failed": ["unlearned", "why"],
        "refusals": [],
        "hold": None,
        "extension": None,
    }


class AnyOrderOfMoves(RuleBasedStateMachine):
    """Whatever is tried, in whatever order, the invariants of `expunge.domain.request` hold."""

    def __init__(self) -> None:
        super().__init__()
        self.request = request()
        self.way = [State.RECEIVED]

    @rule(to=st.sampled_from(State), ground=st.sampled_from([None, "", "17(3)(d)"]), reason=st.sampled_from(["", "x"]))
    def try_anything(self, to: State, ground: str | None, reason: str) -> None:
        before = self.request
        known = GROUND | {State.REFUSED: {"ground": ground}, State.FAILED: {"reason": reason}}
        changes = known.get(to, {})
        try:
            self.request = before.move(to, **changes)
        except IllegalMoveError:
            assert self.request is before
            return
        assert to in MOVES[before.state]
        self.way.append(to)
        if to is State.REFUSED:
            assert self.request.ground
        if before.state is State.FAILED:
            assert to is self.way[-3], "failed returns to the state that it came from"

    @precondition(lambda self: not self.request.final)
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """Without this the machine would hardly ever get beyond planned."""
        state = self.request.state
        ways = [self.request.failed[0]] if self.request.failed else sorted(MOVES[state])
        to = State(data.draw(st.sampled_from(ways)))
        self.request = self.request.move(to, **GROUND.get(to, {}))
        self.way.append(to)

    @invariant()
    def nothing_returns_from_the_shredding(self) -> None:
        if State.SHREDDED in self.way:
            after = self.way[self.way.index(State.SHREDDED) :]
            assert not set(after) & (BACK | {State.APPROVED, State.UNLEARNED, State.VERIFIED})

    @invariant()
    def certified_at_most_once_and_after_every_step_before(self) -> None:
        assert self.way.count(State.CERTIFIED) <= 1
        if State.CERTIFIED in self.way:
            done: list[State] = [state for state in self.way if state in STEPS]
            last = [done.index(step) for step in STEPS[: STEPS.index(State.CERTIFIED) + 1]]
            assert last == sorted(last)

    @invariant()
    def only_failed_says_what_failed(self) -> None:
        assert (self.request.failed is not None) == (self.request.state is State.FAILED)

    @invariant()
    def the_rest_of_the_request_stays(self) -> None:
        assert (self.request.id, self.request.law, self.request.outcome) == ("R-1", Law.GDPR, Outcome.OPEN)


TestAnyOrderOfMoves = AnyOrderOfMoves.TestCase
