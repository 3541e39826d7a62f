"""What a plan promises, and how it is stored."""

from __future__ import annotations

import json
from dataclasses import replace

from expunge.domain.plan import CopyPlan, Method, Plan, ReleaseRule

ROWS = CopyPlan("D-1", "dataset", "visits", 1, Method.DELETE_ROWS, 1, 3, 9, "rows deleted", None, None, "they go")
MODEL = CopyPlan("M-1", "model", "ridge", 1, Method.FORGET, 1, 3, 9, "Exact (portable)", 0.0000004, 1.5, "cheaper")
OTHER = CopyPlan("M-2", "model", "other", 1, Method.NOT_A_MEMBER, 0, 0, 9, "Exact (portable)", 0.0, 2.0, "not in it")


def test_only_copies_that_hold_somebody_are_touched_and_promised() -> None:
    plan = Plan((ROWS, MODEL, OTHER))
    assert plan.touched == (ROWS, MODEL)
    assert plan.promises() == {("D-1", "rows deleted"), ("M-1", "Exact (portable)")}


def test_what_it_costs_is_no_part_of_the_promise() -> None:
    dearer = replace(MODEL, seconds=9.0, method=Method.REFIT, records=2, why="other")
    assert Plan((dearer,)).promises() == Plan((MODEL,)).promises()
    assert Plan((replace(MODEL, guarantee="Empirical"),)).promises() != Plan((MODEL,)).promises()


def test_a_plan_is_stored_without_floats() -> None:
    stored = json.loads(Plan((ROWS, MODEL)).to_json())
    assert [copy["seconds"] for copy in stored["copies"]] == [None, "0.000000"]
    assert [copy["refit_seconds"] for copy in stored["copies"]] == [None, "1.500000"]
    assert stored["copies"][0]["method"] == "rows deleted"
    assert stored == Plan((ROWS, MODEL)).to_dict()


def test_the_release_part_says_the_rule_and_the_smallest_number_that_leaves_a_model() -> None:
    many = replace(MODEL, object_id="M-3", subjects=7)
    stored = Plan((ROWS, MODEL, OTHER, many), ReleaseRule(5, 14, 3, 0.05)).to_dict()["release"]
    assert stored == {"min_batch": 5, "window_days": 14, "safe_days": 3, "utility_drop": "0.05", "subjects": 1}
    assert Plan((ROWS, OTHER)).to_dict()["release"]["subjects"] == 0


def test_a_seed_that_is_renewed_is_no_part_of_the_promise() -> None:
    assert Plan((replace(MODEL, rotates=True),)).promises() == Plan((MODEL,)).promises()
    assert replace(MODEL, rotates=True).to_dict()["rotates"]
