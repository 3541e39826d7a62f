"""The table of actors, and what is a name or a role."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.access import actors
from expunge.access.actions import Role
from expunge.access.actors import Actor, valid_name, valid_roles
from expunge.access.credentials import Method
from expunge.errors import CorruptedError, InputError, NotFoundError
from expunge.vault.database import ACTOR
from expunge.workspace.folder import Workspace

DORA = Actor("dora", (Role.AUDITOR,), Method.KEY, "00" * 32, "2026-11-02T09:30:00Z")


@pytest.mark.parametrize("name", ["", " ", "a b", "a\n", "-a", "a" * 65, "ä", 'x"', "nobody"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="no actor's name"):
        valid_name(name)


@pytest.mark.parametrize("name", ["owner", "dora@hospital.example", "R-0123456789ab", "a" * 64])
def test_names(name: str) -> None:
    assert valid_name(name) == name


@given(st.lists(st.sampled_from([role.value for role in Role]), min_size=1))
def test_roles_come_once_and_in_order(roles: list[str]) -> None:
    assert valid_roles(roles) == tuple(role for role in Role if role in roles)


@pytest.mark.parametrize("roles", [[], ["admin"], ["owner", "root"], [""]])
def test_what_is_no_role_is_refused(roles: list[str]) -> None:
    with pytest.raises(InputError, match="intake_clerk"):
        valid_roles(roles)


def test_an_actor_comes_back(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        actors.store(connection, DORA)
        assert actors.find(connection, "dora") == actors.by_name(connection, "dora") == DORA
        assert [one.name for one in actors.every(connection)] == ["dora", "owner"]
        assert actors.find(connection, "zoe") is None
        with pytest.raises(NotFoundError, match="zoe"):
            actors.by_name(connection, "zoe")


@pytest.mark.parametrize("column", [{"roles": "["}, {"roles": '["root"]'}, {"roles": "7"}, {"method": "guess"}])
def test_a_row_that_nobody_wrote_is_said_to_be_corrupt(workspace: Workspace, column: dict[str, str]) -> None:
    with workspace.vault.transaction() as connection:
        actors.store(connection, DORA)
        connection.execute(ACTOR.update().where(ACTOR.c.name == "dora").values(**column))
        with pytest.raises(CorruptedError, match="dora"):
            actors.find(connection, "dora")


def test_nothing_that_is_shown_tells_what_an_actor_is_recognised_by() -> None:
    assert DORA.verifier not in repr(DORA)
    assert DORA.verifier not in str(DORA.to_dict())
    assert DORA.verifier not in DORA.fingerprint


def test_the_fingerprint_tells_every_change() -> None:
    changed = [
        Actor("eve", (Role.AUDITOR,), Method.KEY, DORA.verifier, DORA.created),
        Actor("dora", (Role.OWNER,), Method.KEY, DORA.verifier, DORA.created),
        Actor("dora", (Role.AUDITOR,), Method.PASSPHRASE, DORA.verifier, DORA.created),
        Actor("dora", (Role.AUDITOR,), Method.KEY, "11" * 32, DORA.created),
        Actor("dora", (Role.AUDITOR,), Method.KEY, DORA.verifier, DORA.created, disabled="2026-11-03T09:30:00Z"),
    ]
    assert len({one.fingerprint for one in (DORA, *changed)}) == 6
