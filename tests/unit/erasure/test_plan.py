"""The cheaper way is taken, and an approval covers what was approved and no more."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from expunge.domain.cost import Costs, Measured
from expunge.domain.plan import CopyPlan, Method, Plan
from expunge.domain.request import Law, Outcome, State
from expunge.erasure import decide, execute, intake, plan
from expunge.erasure.scope import Scope
from expunge.vault import subjects
from expunge.workspace import data, members, models, register
from expunge.workspace.folder import Workspace


def plan_for(workspace: Workspace, people: list[int | str]) -> dict[str, CopyPlan]:
    with workspace.vault.transaction() as connection:
        scope = Scope(subjects.everywhere(workspace.vault, connection, people))
        made = plan.make(workspace, connection, scope)
    return {copy.name: copy for copy in made.copies}


def everybody(workspace: Workspace) -> list[int | str]:
    with workspace.vault.transaction() as connection:
        (dataset,) = data.every(workspace, connection)
        return [*data.load(workspace, connection, dataset.id).subject_ids()]


def members_of(workspace: Workspace, model: str) -> list[int | str]:
    with workspace.vault.transaction() as connection:
        row = register.by_name(connection, model)
        held = members.commitments(connection, row.id)
        found = subjects.everywhere(workspace.vault, connection, everybody(workspace))
    return [subject for ref, (_, subject) in found.items() if ref in held]


def test_few_who_leave_are_forgotten_and_many_are_refitted(workspace: Workspace) -> None:
    people = everybody(workspace)
    few, many = plan_for(workspace, people[:5]), plan_for(workspace, people[5:])
    assert (few["visits"].method, many["visits"].method) == (Method.DELETE_ROWS, Method.DELETE_ROWS)
    for name in ("ridge", "additive"):
        assert (few[name].method, many[name].method) == (Method.FORGET, Method.REFIT)
        for copy in (few[name], many[name]):
            assert copy.seconds is not None
            assert copy.refit_seconds is not None
            assert copy.seconds <= copy.refit_seconds


def test_every_way_is_shown_and_why_the_others_lost(workspace: Workspace) -> None:
    ridge = plan_for(workspace, everybody(workspace)[:5])["ridge"]
    assert [one.how for one in ridge.candidates] == ["counts taken out", "full refit", "retired"]
    taken, refit, retired = ridge.candidates
    assert (taken.lost, taken.method, taken.seconds) == ("", ridge.method, ridge.seconds)
    assert refit.seconds == ridge.refit_seconds
    assert re.match(r"takes .* m?s, counts taken out .* m?s$", refit.lost)
    assert "a model can be kept" in retired.lost
    assert taken.memory > 1000
    assert {one.guarantee for one in ridge.candidates} == {"Exact (portable)", "no model is left"}


def facts_with(costs: Costs, **more: Any) -> register.Facts:
    return register.Facts(bytes(32), "", "", {}, "Exact (portable)", costs, "what changes mended", 9, **more)


def test_what_was_measured_decides_and_a_full_refit_wins_where_it_is_cheaper() -> None:
    shares = (0.01, 0.1, 0.6, 1.0, 1.0)
    fresh = Costs(2.0, 1000, shares)
    slow = fresh.after(Measured("forget", 10, 10, 1000, 2.5, 0.2)).after(Measured("forget", 9, 9, 1000, 2.5, 0.2))
    for costs, method in ((fresh, Method.FORGET), (slow, Method.REFIT)):
        found = plan.candidates(facts_with(costs), 10, 10, 1000)
        assert [one.method for one in found if not one.lost] == [method]
    lost = plan.candidates(facts_with(slow), 10, 10, 1000)[0]
    assert (lost.basis, lost.lost) == (
        "measured on 2 batches",
        "a full refit takes 1.98 s, what changes mended 2.5 s",
    )
    crowd = plan.candidates(facts_with(fresh), 900, 900, 1000)
    assert [one.method for one in crowd if not one.lost] == [Method.REFIT]


def test_a_seed_that_is_renewed_leaves_a_refit_alone() -> None:
    found = plan.candidates(facts_with(Costs(2.0, 1000)), 1, 1, 1000, "its seed is old")
    assert [one.lost for one in found][:2] == ["its seed is old", ""]


def test_below_the_floor_of_the_policy_no_model_is_left() -> None:
    found = plan.candidates(facts_with(Costs(2.0, 1000)), 1, 1, 1000, below="the policy asks for more: portable")
    assert [one.method for one in found if not one.lost] == [Method.RETIRE]
    assert {one.lost for one in found if one.lost} == {"the policy asks for more: portable"}


def test_nobody_leaves_nothing_is_touched(workspace: Workspace) -> None:
    made = plan_for(workspace, [])
    assert {copy.method for copy in made.values()} == {Method.NOT_A_MEMBER}
    assert not Plan(tuple(made.values())).promises()


def test_who_was_held_out_is_in_the_rows_and_in_no_model(workspace: Workspace) -> None:
    held_out = set(everybody(workspace)) - set(members_of(workspace, "ridge"))
    made = plan_for(workspace, [min(held_out, key=str)])
    assert made["visits"].subjects == 1
    assert made["ridge"].method is Method.NOT_A_MEMBER


def test_an_approval_covers_no_other_copy_and_no_other_guarantee(workspace: Workspace) -> None:
    copies = tuple(plan_for(workspace, everybody(workspace)[:3]).values())
    made = Plan(copies)
    assert not plan.needs_new_approval(made.to_dict(), made)
    fewer = Plan(copies[:-1])
    assert plan.needs_new_approval(fewer.to_dict(), made)
    assert not plan.needs_new_approval(made.to_dict(), fewer)
    other = Plan((*copies[:-1], replace(copies[-1], guarantee="Empirical (influence reduced)")))
    assert plan.needs_new_approval(made.to_dict(), other)
    assert plan.needs_new_approval({"copies": None}, made)
    dearer = Plan(tuple(replace(copy, seconds=1e6, method=Method.REFIT) for copy in copies))
    assert not plan.needs_new_approval(made.to_dict(), dearer)


def test_whom_a_newer_model_knows_needs_approval_again_and_the_rest_go_on(
    workspace: Workspace, approve: Callable[..., list[str]]
) -> None:
    people = everybody(workspace)[:8]
    approved = dict(zip(people, approve(workspace, *people), strict=True))
    models.train(workspace, "late", "visits", "ridge")
    inside = set(people) & set(members_of(workspace, "late"))
    outside = set(people) - inside
    assert inside, "the test needs people on both sides"
    assert outside, "the test needs people on both sides"
    done = execute.erase(workspace, list(approved.values()))
    assert {request.id for request, _ in done.sent_back} == {approved[one] for one in inside}
    for request, reason in done.sent_back:
        assert reason == "its plan changed since it was approved"
        assert (request.state, request.approver, request.batch) == (State.PLANNED, None, None)
    assert {request.id for request in done.requests if request.outcome is Outcome.ERASED} == {
        approved[one] for one in outside
    }
    assert inside <= set(everybody(workspace))
    assert outside.isdisjoint(everybody(workspace))
    again = [decide.approve(workspace, approved[one]).id for one in inside]
    assert {request.outcome for request in execute.erase(workspace, again).requests} == {Outcome.ERASED}
    assert inside.isdisjoint(everybody(workspace))


def test_the_policy_of_the_day_is_pinned(workspace: Workspace) -> None:
    request = intake.submit(workspace, str(everybody(workspace)[0]), Law.GDPR)
    assert request.policy == workspace.policy.version
