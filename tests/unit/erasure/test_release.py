"""Small batches wait for others; the window and the deadline end the wait; what waits is as it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from expunge.access.policy import Policy
from expunge.certificates.verify import Verified
from expunge.domain.certificate import Release, Rule
from expunge.domain.plan import Method
from expunge.domain.request import Extension, Law, Outcome, Request, State
from expunge.erasure import execute, release, requests
from expunge.vault.database import REQUEST
from expunge.workspace import data, journal, register
from expunge.workspace.folder import Workspace

Approve = Callable[..., list[str]]
Certified = Callable[[Workspace, str | None], Verified]
Under = Callable[..., Workspace]
REFS = [bytes([number]) for number in range(8)]
LEAVING = st.dictionaries(
    st.sampled_from([f"R-{number}" for number in range(8)]),
    st.dictionaries(st.sampled_from(["M-1", "M-2", "M-3"]), st.frozensets(st.sampled_from(REFS))),
)


def members_of(workspace: Workspace) -> tuple[list[int], list[int]]:
    """People in both models, and people in none."""
    with workspace.vault.transaction() as connection:
        held: list[set[int]] = [
            {
                int(one)
                for one in register.open_learner(
                    workspace, connection, register.current(connection, model.id)
                ).subjects_held()
            }
            for model in register.every(connection)
        ]
        (dataset,) = data.every(workspace, connection)
        everybody = {int(one) for one in data.load(workspace, connection, dataset.id).subject_ids()}
    return sorted(held[0].intersection(*held[1:])), sorted(everybody - held[0].union(*held[1:]))


def entries(workspace: Workspace) -> int:
    with workspace.vault.transaction() as connection:
        return journal.size(connection)


@given(LEAVING, st.integers(1, 5))
def test_nobody_goes_through_a_model_with_fewer_than_the_minimum(
    leaving: dict[str, dict[str, frozenset[bytes]]], minimum: int
) -> None:
    held = release.held_back(leaving, minimum)
    going = {one: models for one, models in leaving.items() if one not in held}
    assert all(len(refs) >= minimum for refs in release.together(going).values())
    assert minimum > 1 or not held
    # Who touches no model waits for nobody, and all go where all together are enough.
    assert not {one for one in held if not any(leaving[one].values())}
    if all(len(refs) >= minimum for refs in release.together(leaving).values()):
        assert not held


@given(LEAVING, st.integers(1, 5))
def test_no_more_are_held_back_than_must_be(leaving: dict[str, dict[str, frozenset[bytes]]], minimum: int) -> None:
    """Who goes is the largest set that may go: any other set that may go is a part of it."""
    held = release.held_back(leaving, minimum)
    names = sorted(leaving)
    for chosen in range(2 ** len(names)):
        some = {one: leaving[one] for place, one in enumerate(names) if chosen >> place & 1}
        if all(len(refs) >= minimum for refs in release.together(some).values()):
            assert held.isdisjoint(some)


def test_two_of_three_wait_unchanged_and_with_the_third_all_go(
    workspace: Workspace, under: Under, approve: Approve, certified: Certified
) -> None:
    strict = under(workspace, min_batch=3, window_days=14)
    members, _ = members_of(strict)
    ids = approve(strict, *members[:2])
    before = entries(strict)
    done = execute.erase(strict, ids)
    assert (done.certificate, done.batch, done.sent_back) == (None, None, ())
    assert done.waiting is not None
    today = datetime.now(UTC).date()
    assert done.waiting.latest == today + timedelta(days=14)
    assert str(done.waiting) == (
        f"waiting: 2 of 3 subjects; goes at the latest on {done.waiting.latest} because the window of 14 days ends"
    )
    assert set(done.waiting.requests) == set(ids)
    assert {request.state for request in done.requests} == {State.APPROVED}
    assert entries(strict) == before

    ids += approve(strict, members[2])
    done = execute.erase(strict, ids)
    assert done.waiting is None
    assert {request.outcome for request in done.requests} == {Outcome.ERASED}
    signed = certified(strict, done.certificate).statement.release
    assert signed == Release(3, 14, 3, 3, Rule.ENOUGH)


def test_the_deadline_comes_first(workspace: Workspace, under: Under, approve: Approve, certified: Certified) -> None:
    strict = under(workspace, min_batch=50, window_days=300, safe_days=5)
    members, _ = members_of(strict)
    (late,) = approve(strict, members[0], received=datetime.now(UTC) - timedelta(days=29))
    fresh = approve(strict, members[1])
    assert execute.erase(strict, fresh).waiting is not None
    done = execute.erase(strict, [late, *fresh])  # who waits goes along: together they hide each other better
    assert {request.outcome for request in done.requests} == {Outcome.ERASED}
    signed = certified(strict, done.certificate).statement.release
    assert signed == Release(50, 300, 5, 2, Rule.DEADLINE)


def test_the_window_ends(workspace: Workspace, under: Under, approve: Approve, certified: Certified) -> None:
    strict = under(workspace, min_batch=50, window_days=14)
    members, _ = members_of(strict)
    ids = approve(strict, members[0])
    with strict.vault.transaction() as connection:
        approved = datetime.now(UTC) - timedelta(days=14)
        connection.execute(update(REQUEST).values(approved=approved.isoformat(timespec="seconds")))
    signed = certified(strict, execute.erase(strict, ids).certificate).statement.release
    assert signed == Release(50, 14, 3, 1, Rule.WINDOW)


def test_whoever_is_in_no_model_does_not_wait(
    workspace: Workspace, under: Under, approve: Approve, certified: Certified
) -> None:
    strict = under(workspace, min_batch=3, window_days=14)
    members, others = members_of(strict)
    inside, outside = approve(strict, members[0]), approve(strict, others[0])
    done = execute.erase(strict, [*inside, *outside])
    assert done.waiting is not None
    assert done.waiting.requests == tuple(inside)
    assert {request.id for request in done.requests if request.outcome is Outcome.ERASED} == set(outside)
    statement = certified(strict, done.certificate).statement
    assert statement.release == Release(3, 14, 3, 0, Rule.NO_MODEL)
    assert {copy.method for copy in statement.copies if copy.kind == "model"} == {Method.NOT_A_MEMBER}


def test_without_a_minimum_no_rule_is_stated(workspace: Workspace, approve: Approve, certified: Certified) -> None:
    done = execute.erase(workspace, approve(workspace, members_of(workspace)[0][0]))
    assert done.waiting is None
    assert certified(workspace, done.certificate).statement.release is None


def test_the_plan_shows_the_rule(workspace: Workspace, under: Under, approve: Approve) -> None:
    strict = under(workspace, min_batch=3, window_days=14, utility_drop=0.05)
    members, others = members_of(strict)
    inside, outside = approve(strict, members[0], others[0])
    with strict.vault.transaction() as connection:
        plans = {one: requests.plan(connection, one)["release"] for one in (inside, outside)}
        loaded = requests.load(connection, inside)
    rule = {"min_batch": 3, "window_days": 14, "safe_days": 3, "utility_drop": "0.05"}
    assert plans == {inside: rule | {"subjects": 1}, outside: rule | {"subjects": 0}}
    words = "; ".join(release.planned(strict.policy, loaded, plans[inside]))
    assert "at least 3 subjects" in words
    assert "at the latest on" in words
    assert "falls by more than 0.05" in words
    assert release.planned(strict.policy, loaded, plans[outside]) == []
    assert release.planned(strict.policy, loaded, None) == []


@given(st.integers(0, 60), st.integers(0, 30), st.integers(1, 90), st.integers(0, 60))
def test_nothing_waits_into_the_safe_days(until: int, safe: int, window: int, longer: int) -> None:
    approved = datetime(2026, 11, 2, tzinfo=UTC)
    due = approved.date() + timedelta(days=until)
    extension = Extension(due + timedelta(days=longer), "many requests", approved.date()) if longer else None
    request = Request("R-1", Law.GDPR, approved, due, approved=approved, extension=extension)
    day, rule, _ = release.latest(Policy(min_batch=2, window_days=window, safe_days=safe), request)
    last = due + timedelta(days=longer)
    assert day <= last - timedelta(days=safe)
    assert day <= approved.date() + timedelta(days=window)
    assert (rule is Rule.DEADLINE) == (day == last - timedelta(days=safe))


def test_an_approval_has_its_day_and_loses_it_when_planned_again(workspace: Workspace, approve: Approve) -> None:
    (one,) = approve(workspace, 71_001)
    with workspace.vault.transaction() as connection:
        request = requests.load(connection, one)
        assert request.approved is not None
        assert request.approved.date() in {date.today(), datetime.now(UTC).date()}  # noqa: DTZ011
        assert request.to_dict()["approved"] == request.approved.isoformat()
