"""Declarations as they are typed on a command line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.datasets import declare
from expunge.domain.schema import Kind, Role
from expunge.errors import SchemaError

COLUMNS = ["id", "age", "y", "a=b", "c:d"]


def test_subject_and_target_are_declared_roles() -> None:
    declared = declare(COLUMNS, subject="id", target="y")
    assert (declared["id"].role, declared["id"].inferred) == (Role.SUBJECT, ())
    assert (declared["y"].role, declared["y"].inferred) == (Role.TARGET, ("kind", "range", "resolution"))
    assert declared.subject_kind is None


@pytest.mark.parametrize(
    ("text", "role", "kind"),
    [
        ("age=numeric", Role.FEATURE, Kind.NUMERIC),
        ("age=categorical", Role.FEATURE, Kind.CATEGORICAL),
        ("age=feature:numeric", Role.FEATURE, Kind.NUMERIC),
        ("age=sensitive:categorical", Role.SENSITIVE, Kind.CATEGORICAL),
        ("age=free-text", Role.FREE_TEXT, Kind.TEXT),
        ("age=direct-identifier", Role.DIRECT_IDENTIFIER, Kind.TEXT),
        ("age=ignored", Role.IGNORED, Kind.TEXT),
        ("age=ignored:numeric", Role.IGNORED, Kind.NUMERIC),
        ("age=target:numeric", Role.TARGET, Kind.NUMERIC),
    ],
)
def test_a_role_may_bring_a_kind(text: str, role: Role, kind: Kind) -> None:
    column = declare(COLUMNS, subject="id", roles=[text])["age"]
    assert (column.role, column.kind) == (role, kind)
    assert column.declares("role")
    assert column.declares("kind")


def test_a_role_without_a_kind_leaves_the_kind_open() -> None:
    for role in ("feature", "quasi-identifier", "sensitive", "target"):
        assert not declare(COLUMNS, subject="id", roles=[f"age={role}"])["age"].declares("kind")


def test_a_kind_alone_completes_what_is_declared_elsewhere() -> None:
    column = declare(COLUMNS, subject="id", target="y", roles=["y=numeric"])["y"]
    assert (column.role, column.kind) == (Role.TARGET, Kind.NUMERIC)


def test_a_range_declares_kind_and_range() -> None:
    column = declare(COLUMNS, subject="id", ranges=["age=-1.5:120"])["age"]
    assert (column.kind, column.low, column.high, column.resolution) == (Kind.NUMERIC, -1.5, 120.0, None)
    assert column.inferred == ("resolution",)
    full = declare(COLUMNS, subject="id", ranges=["age=0:120:0.5"])["age"]
    assert (full.resolution, full.inferred) == (0.5, ())


def test_a_declaration_is_split_at_its_last_equals_sign() -> None:
    declared = declare(COLUMNS, subject="id", roles=["a=b=sensitive:numeric"], ranges=["c:d=0:1", "a=b=2:3"])
    assert (declared["a=b"].role, declared["a=b"].high) == (Role.SENSITIVE, 3.0)
    assert declared["c:d"].high == 1.0


def test_the_kind_of_subjects_may_be_declared() -> None:
    assert declare(COLUMNS, roles=["id=subject:str"]).subject_kind == "str"
    assert declare(COLUMNS, subject="id", roles=["id=subject:int"]).subject_kind == "int"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"roles": ["nobody=feature"]}, "no column 'nobody'.*id, age, y, a=b, c:d"),
        ({"target": "nobody"}, "no column 'nobody'"),
        ({"roles": ["age=hobby"]}, "no role 'hobby'.*Roles are: subject, target, .*numeric, categorical"),
        ({"roles": ["age=numeric:numeric"]}, "no role 'numeric:numeric'|no role 'numeric'"),
        ({"roles": ["age=feature:text"]}, "no kind 'text'.*numeric, categorical"),
        ({"roles": ["age=feature:"]}, "no kind ''"),
        ({"roles": ["id=subject:float"]}, "no kind 'float' of subject.*int, str"),
        ({"roles": ["age"]}, "'age' declares nothing"),
        ({"roles": ["age=ignored", "age=feature"]}, "'age' is declared with role ignored and with feature"),
        ({"roles": ["age=categorical"], "ranges": ["age=0:1"]}, "kind categorical and with numeric"),
        ({"ranges": ["age=0:1", "age=0:2"]}, "span 0:1 and with 0:2|with 0:2"),
        ({"ranges": ["age=0"]}, "'0' is no range"),
        ({"ranges": ["age=0:x"]}, "'0:x' is no range"),
        ({"ranges": ["age=0:1:2:3"]}, "is no range"),
        ({"ranges": ["age=2:1"]}, "not LO < HI"),
        ({"ranges": ["age=0:inf"]}, "both finite"),
        ({"ranges": ["age=0:1:0"]}, "resolution"),
        ({"ranges": ["age"]}, "declares nothing"),
        ({"roles": ["age=ignored"], "ranges": ["age=0:1"]}, "role ignored and a range"),
        ({"ranges": ["id=0:1"]}, "role subject and a range"),
        ({"roles": ["id=numeric"]}, "the subject and cannot be numeric"),
        ({"roles": ["age=subject"]}, "2 columns have the role subject: id, age"),
        ({"target": "id"}, "role subject and with target"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(SchemaError, match=says):
        declare(COLUMNS, subject="id", **options)


def test_a_table_needs_a_subject() -> None:
    with pytest.raises(SchemaError, match=r"0 columns have the role subject\."):
        declare(COLUMNS)


@given(st.text(min_size=1), st.sampled_from(["sensitive", "ignored", "free-text"]))
def test_any_name_can_be_declared(name: str, role: str) -> None:
    if name != "id":
        assert declare(["id", name], subject="id", roles=[f"{name}={role}"])[name].role.value == role
