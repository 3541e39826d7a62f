"""Rules: checked before they decide, and what they do not permit is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.access.actions import Action, Purpose, Role
from expunge.access.rules import Question, decide, default_rules, faults, roles_allowed, standing_rules
from expunge.errors import WorkspaceError

SETTINGS = {"four_eyes": False, "four_eyes_above": 0}
ALL = "permit (principal, action, resource);"
ROLES = st.sets(st.sampled_from(list(Role)))
ACTIONS = st.sampled_from(list(Action))
CIRCUMSTANCES = st.fixed_dictionaries(
    {},
    optional={
        "request": st.sampled_from(["R-1", "anna"]),
        "approvers": st.lists(st.sampled_from(["anna", "bert"]), max_size=2),
        "subjects": st.integers(0, 5),
        "purpose": st.sampled_from([*(one.value for one in Purpose), "", "curiosity"]),
        "actor": st.sampled_from(["anna", "bert"]),
        "roles": st.lists(st.sampled_from([role.value for role in Role]), max_size=2),
    },
)


def allowed(rules: str, roles: set[Role], action: Action, /, **circumstances: object) -> bool:
    return decide(rules, SETTINGS, Question("anna", roles, action, circumstances)).allowed


def test_the_packaged_rules_can_be_enforced() -> None:
    assert faults(default_rules()) == []
    assert faults(standing_rules()) == []


def test_every_action_is_meant_for_somebody_beside_the_owner() -> None:
    usual = {Action.RECORDS_READ: {"purpose": "access"}}
    for action in Action:
        assert roles_allowed(default_rules(), SETTINGS, action, usual.get(action, {})) != [Role.OWNER], action


@pytest.mark.parametrize("word", [*Role, *Action, *Purpose])
def test_every_word_is_explained(word: Role | Action | Purpose) -> None:
    assert len(word.meaning.split()) > 1
    assert not word.meaning.endswith(".")


@given(ROLES, ACTIONS, CIRCUMSTANCES)
def test_what_nothing_permits_is_refused(roles: set[Role], action: Action, circumstances: dict[str, object]) -> None:
    assert not allowed("", roles, action, **circumstances)
    assert not allowed('permit (principal == Actor::"zoe", action, resource);', roles, action, **circumstances)
    assert allowed(ALL, roles, action, **circumstances)


@given(ROLES, ROLES, ACTIONS, CIRCUMSTANCES)
def test_a_forbid_wins_over_every_permit(
    roles: set[Role], banned: set[Role], action: Action, circumstances: dict[str, object]
) -> None:
    forbids = "".join(f'forbid (principal in Role::"{role}", action, resource);\n' for role in sorted(banned))
    assert allowed(ALL + forbids, roles, action, **circumstances) == roles.isdisjoint(banned)


@given(ROLES, ACTIONS, CIRCUMSTANCES)
def test_without_a_role_one_may_renew_the_own_passphrase_and_nothing_else(
    roles: set[Role], action: Action, circumstances: dict[str, object]
) -> None:
    own = action is Action.ACTOR_PASSWD and circumstances.get("actor") == "anna"
    of_an_owner = "owner" in circumstances.get("roles", [])  # type: ignore[operator]
    assert allowed(default_rules(), set(), action, **circumstances) == (own and not of_an_owner)


@given(ROLES, ACTIONS, CIRCUMSTANCES)
def test_an_administrator_reads_no_records_and_decides_nothing_whatever_else_they_are(
    roles: set[Role], action: Action, circumstances: dict[str, object]
) -> None:
    if action in {Action.RECORDS_READ, Action.DATASET_VALUES, Action.REQUEST_APPROVE, Action.ERASE}:
        both = (roles | {Role.ADMINISTRATOR}) - {Role.OWNER}
        assert not allowed(default_rules(), both, action, **circumstances)


def test_the_owner_may_do_everything() -> None:
    assert all(allowed(default_rules(), {Role.OWNER}, action) for action in Action)


def test_only_an_owner_makes_an_owner() -> None:
    for action in (Action.ACTOR_ADD, Action.ACTOR_PASSWD, Action.ACTOR_DISABLE):
        assert allowed(default_rules(), {Role.ADMINISTRATOR}, action, actor="zoe", roles=["auditor"])
        assert not allowed(default_rules(), {Role.ADMINISTRATOR}, action, actor="zoe", roles=["owner"])
        assert allowed(default_rules(), {Role.OWNER}, action, actor="zoe", roles=["owner"])


def test_a_subject_sees_the_request_of_that_name_alone() -> None:
    def sees(name: str, request: str) -> bool:
        question = Question(name, [Role.SUBJECT], Action.REQUEST_SHOW, {"request": request})
        return decide(default_rules(), SETTINGS, question).allowed

    assert sees("R-0123456789ab", "R-0123456789ab")
    assert not sees("R-0123456789ab", "R-ba9876543210")
    assert not allowed(default_rules(), {Role.SUBJECT}, Action.REQUEST_SHOW)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_records_are_read_for_a_purpose(purpose: Purpose) -> None:
    assert allowed(default_rules(), {Role.PRIVACY_OFFICER}, Action.RECORDS_READ, purpose=purpose.value)
    assert not allowed(default_rules(), {Role.ML_ENGINEER}, Action.RECORDS_READ, purpose=purpose.value)


@pytest.mark.parametrize("circumstances", [{}, {"purpose": ""}, {"purpose": "curiosity"}])
def test_records_are_not_read_for_none(circumstances: dict[str, str]) -> None:
    assert not allowed(default_rules(), {Role.PRIVACY_OFFICER}, Action.RECORDS_READ, **circumstances)


@pytest.mark.parametrize("circumstances", [{"approvers": "anna"}, {"nonsense": 1}, {"subjects": "many"}])
def test_circumstances_that_do_not_fit_the_schema_allow_nothing(circumstances: dict[str, object]) -> None:
    """Without the schema Cedar would skip the `forbid` that stumbles over them, and allow."""
    assert not allowed(ALL, {Role.OWNER}, Action.ERASE, **circumstances)


FAULTY = {
    'permit (principal in Role::"ownr", action, resource);': "ownr",
    'permit (principal, action == Action::"erase.all", resource);': "erase.all",
    'permit (principal in Team::"x", action, resource);': "Team",
    "permt (principal, action, resource);": "permt",
    "permit (principal, action, resource)": "unexpected token",
    'permit (principal, action, resource) when { context.purpose == "" };': "purpose",
    "permit (principal, action, resource) when { resource.colour };": "colour",
    "permit (principal, action, resource) when { context has request && context.request == 7 };": "Long",
}


@pytest.mark.parametrize("statement", FAULTY)
def test_what_cannot_be_enforced_is_refused_with_its_line(statement: str) -> None:
    rules = f'// one; two\n{ALL}\n\n// "three\n{statement}\n{ALL}\n'
    found = faults(rules)
    assert found
    assert found[0].startswith("line 5: "), found
    assert FAULTY[statement] in found[0], found
    with pytest.raises(WorkspaceError, match="line 5: "):
        allowed(rules, {Role.OWNER}, Action.ERASE)


def test_a_fault_is_named_by_the_line_it_stands_in_and_every_one_is_named() -> None:
    wrong = default_rules().replace('Action::"model.export"', 'Action::"model.steal"')
    wrong = wrong.replace('Role::"auditor"', 'Role::"auditer"')
    lines = wrong.splitlines()
    places = {lines.index(line) + 1 for line in lines if "model.steal" in line or "auditer" in line}
    assert {int(fault.split()[1].rstrip(":")) for fault in faults(wrong)} >= places
