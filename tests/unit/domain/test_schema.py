"""A schema refuses what contradicts itself and survives the round trip."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.domain.digest import canonical_json
from expunge.domain.schema import FACTS, LEARNED_FROM, Column, Kind, Role, Schema
from expunge.errors import SchemaError

WHO = Column("id", Role.SUBJECT, Kind.TEXT)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
ROLES = st.sampled_from([role for role in Role if role not in {Role.SUBJECT, Role.TARGET}])


@st.composite
def columns(draw: st.DrawFn, name: str) -> Column:
    ends = sorted(draw(st.sets(FINITE, min_size=2, max_size=2)))
    low, high = draw(st.sampled_from([(None, None), tuple(ends)]))
    kind = Kind.NUMERIC if low is not None else draw(st.sampled_from(Kind))
    resolution = draw(st.one_of(st.none(), st.floats(min_value=1e-300, allow_infinity=False)))
    return Column(name, draw(ROLES), kind, low, high, resolution, tuple(draw(st.sets(st.sampled_from(FACTS)))))


SCHEMAS = st.builds(
    lambda more, kind: Schema((WHO, *more), kind),
    st.tuples(columns("a"), columns("b=c")),
    st.sampled_from(["int", "str"]),
)


@given(SCHEMAS)
def test_a_schema_survives_the_round_trip(schema: Schema) -> None:
    assert Schema.from_dict(schema.to_dict()) == schema
    assert canonical_json(schema.to_dict()) == canonical_json(Schema.from_dict(schema.to_dict()).to_dict())


@given(SCHEMAS)
def test_what_is_inferred_is_what_is_not_declared(schema: Schema) -> None:
    assert schema.inferred == tuple(
        (column.name, fact) for column in schema.columns for fact in FACTS if not column.declares(fact)
    )


@given(SCHEMAS)
def test_features_are_the_columns_that_models_learn_from(schema: Schema) -> None:
    assert schema.features == tuple(column for column in schema.columns if column.role in LEARNED_FROM)
    assert not {Role.DIRECT_IDENTIFIER, Role.FREE_TEXT, Role.IGNORED} & {column.role for column in schema.features}


def test_inferred_facts_have_one_order() -> None:
    one = Column("a", Role.FEATURE, Kind.NUMERIC, inferred=("range", "role"))
    assert one == Column("a", Role.FEATURE, Kind.NUMERIC, inferred=("role", "range"))


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"name": ""}, "no name"),
        ({"low": 1.0}, "half a range"),
        ({"high": 1.0}, "half a range"),
        ({"low": 1.0, "high": 1.0}, "not LO < HI"),
        ({"low": 2.0, "high": 1.0}, "not LO < HI"),
        ({"low": 0.0, "high": math.inf}, "both finite"),
        ({"low": math.nan, "high": 1.0}, "both finite"),
        ({"kind": Kind.CATEGORICAL, "low": 0.0, "high": 1.0}, "categorical and has a range"),
        ({"resolution": 0.0}, "resolution"),
        ({"resolution": math.nan}, "resolution"),
        ({"inferred": ("colour",)}, "no such facts"),
    ],
)
def test_a_column_that_contradicts_itself_is_refused(facts: dict[str, Any], says: str) -> None:
    with pytest.raises(SchemaError, match=says):
        Column(**{"name": "a", "role": Role.FEATURE, "kind": Kind.NUMERIC, **facts})


def test_a_schema_that_contradicts_itself_is_refused() -> None:
    target = Column("y", Role.TARGET, Kind.CATEGORICAL)
    with pytest.raises(SchemaError, match="stand twice"):
        Schema((WHO, target, target), "int")
    with pytest.raises(SchemaError, match="0 columns have the role subject"):
        Schema((target,), "int")
    with pytest.raises(SchemaError, match="2 columns have the role subject"):
        Schema((WHO, Column("who", Role.SUBJECT, Kind.TEXT)), "int")
    with pytest.raises(SchemaError, match="2 columns have the role target"):
        Schema((WHO, target, Column("z", Role.TARGET, Kind.NUMERIC)), "int")


def test_columns_are_found_by_name_and_role() -> None:
    target = Column("y", Role.TARGET, Kind.CATEGORICAL)
    schema = Schema((target, WHO), "str")
    assert (schema["y"], schema.target, schema.subject) == (target, target, WHO)
    assert Schema((WHO,), "str").target is None
    assert schema.replace([WHO]) == Schema((WHO,), "str")
    with pytest.raises(SchemaError, match=r"no column 'z'.*y, id"):
        schema["z"]
