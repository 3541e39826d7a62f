"""The policy file says who may do what, and nothing that nobody enforces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.access.actions import Action, Role
from expunge.access.policy import CHOICES, Policy, read_policy
from expunge.access.rules import Question, default_rules
from expunge.errors import InputError, WorkspaceError


def made(said: dict[str, Any]) -> Policy:
    return Policy(**said)


POLICIES = (
    st.fixed_dictionaries(
        {
            "four_eyes": st.booleans(),
            "owner_by_default": st.booleans(),
            "four_eyes_above": st.integers(0, 9),
            "held_out": st.floats(0.01, 0.99),
            "packs": st.lists(st.sampled_from(["health", "finance"])).map(tuple),
            "calendar": st.sampled_from(["", "DE"]),
            "min_batch": st.integers(1, 9),
            "window_days": st.integers(0, 9),
            "safe_days": st.integers(0, 9),
            "utility_drop": st.floats(0, 1),
            "rotate_days": st.integers(0, 9),
            "replay": st.sampled_from(CHOICES["replay"]),
            "replay_rate": st.floats(0, 1),
            "on_suppressed": st.sampled_from(CHOICES["on_suppressed"]),
            "suppression_days": st.integers(0, 9),
            "suppression_basis": st.text(max_size=9),
        }
    )
    .filter(lambda said: said["min_batch"] == 1 or said["window_days"])
    .map(made)
)
"""Every policy that is one: a minimum that nothing waits for is refused."""


def written(tmp_path: Path, content: object) -> Path:
    (tmp_path / "policy.cedar").write_text(default_rules())
    path = tmp_path / "policy.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@given(policy=POLICIES)
def test_a_policy_comes_back(tmp_path_factory: pytest.TempPathFactory, policy: Policy) -> None:
    path = written(tmp_path_factory.mktemp("policy"), policy.to_json().decode())
    assert read_policy(path) == policy


@given(POLICIES, POLICIES)
def test_the_version_is_what_the_policy_says(one: Policy, other: Policy) -> None:
    assert (one.version == other.version) == (one == other)


def test_what_is_not_said_is_the_default(tmp_path: Path) -> None:
    assert read_policy(written(tmp_path, {})) == Policy()
    assert read_policy(written(tmp_path, {"four_eyes": True})) == Policy(four_eyes=True)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        {"two_eyes": True},
        {"four_eyes": "yes"},
        {"four_eyes": 1},
        {"held_out": True},
        {"held_out": 1},
        {"held_out": "0.2"},
        {"owner_by_default": None},
        {"packs": "health"},
        {"packs": [1]},
    ],
    ids=str,
)
def test_a_policy_that_cannot_be_enforced_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(WorkspaceError, match=r"policy\.json"):
        read_policy(written(tmp_path, content))


def test_a_missing_policy_is_not_taken_for_the_default(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="no policy"):
        read_policy(tmp_path / "policy.json")


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_share_that_holds_out_nobody_or_everybody_is_refused(tmp_path: Path, share: float) -> None:
    with pytest.raises(InputError, match="held_out"):
        Policy(held_out=share)
    with pytest.raises(InputError, match="held_out"):
        read_policy(written(tmp_path, {"held_out": share}))


def may_erase(policy: Policy, actor: str, approvers: list[str], subjects: int) -> bool:
    circumstances = {"approvers": approvers, "subjects": subjects}
    return policy.decide(Question(actor, [Role.OWNER], Action.ERASE, circumstances)).allowed


def test_four_eyes_are_not_two() -> None:
    assert may_erase(Policy(), "anna", ["anna"], 1)
    strict = Policy(four_eyes=True)
    assert may_erase(strict, "anna", ["bert"], 1)
    assert not may_erase(strict, "anna", ["anna"], 1)
    assert not may_erase(strict, "anna", ["bert", "anna"], 2)
    verdict = strict.decide(Question("anna", [Role.OWNER], Action.ERASE, {"approvers": ["anna"], "subjects": 1}))
    assert verdict.forbidden_by is not None
    assert verdict.forbidden_by.startswith("four eyes")


@given(st.integers(0, 50), st.integers(1, 50))
def test_four_eyes_begin_above_the_threshold(threshold: int, subjects: int) -> None:
    policy = Policy(four_eyes=True, four_eyes_above=threshold)
    assert may_erase(policy, "anna", ["anna"], subjects) == (subjects <= threshold)


def test_no_rules_of_a_workspace_lift_four_eyes() -> None:
    permissive = Policy(four_eyes=True, rules="permit (principal, action, resource);")
    assert not may_erase(permissive, "anna", ["anna"], 1)
    assert may_erase(permissive, "anna", ["bert"], 1)


# The rules beside the settings.


def test_missing_rules_are_an_error_that_names_the_command_that_mends_it(tmp_path: Path) -> None:
    path = written(tmp_path, {})
    (tmp_path / "policy.cedar").unlink()
    with pytest.raises(WorkspaceError, match=r"nobody is allowed anything.*expunge policy reset"):
        read_policy(path)


def test_rules_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, {})
    (tmp_path / "policy.cedar").write_bytes(b"\xff\xfe")
    with pytest.raises(WorkspaceError, match="not UTF-8"):
        read_policy(path)


def test_any_change_of_the_rules_is_another_version(tmp_path: Path) -> None:
    path = written(tmp_path, {})
    before = read_policy(path).version
    with (tmp_path / "policy.cedar").open("a") as file:
        file.write("\n")
    assert read_policy(path).version != before
    assert before == Policy().version


def test_a_minimum_batch_without_a_window_is_refused() -> None:
    """It would be believed, and nothing would ever wait for it."""
    with pytest.raises(InputError, match="window_days 0"):
        Policy(min_batch=2)
    assert Policy(min_batch=2, window_days=1).min_batch == 2
