from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.errors import CorruptedError, InputError
from expunge.learners.values import from_text, is_missing, to_text

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)


@given(SCALARS)
def test_a_value_survives_as_text_with_its_type(value: Any) -> None:
    again = from_text(to_text(value))
    assert again == value
    assert type(again) is type(value)


@given(SCALARS, SCALARS)
def test_different_values_are_spelled_differently(left: Any, right: Any) -> None:
    if type(left) is not type(right) or repr(left) != repr(right):
        assert to_text(left) != to_text(right)


def test_numpy_scalars_equal_pythons() -> None:
    for value in (np.int32(7), np.float64(7.5), np.bool_(True), np.str_("7")):
        assert to_text(value) == to_text(value.item())


@pytest.mark.parametrize("value", [b"x", 1j, [1], {"a": 1}, "\ud800"])
def test_what_is_no_plain_value_is_refused(value: object) -> None:
    with pytest.raises(InputError):
        to_text(value)


@pytest.mark.parametrize("text", ["", "x", "z:1", "i:", "i:1.5", "b:2", "n:0", "f:one"])
def test_what_is_no_typed_text_is_refused(text: str) -> None:
    with pytest.raises(CorruptedError):
        from_text(text)


def test_missing_is_one_thing_in_all_its_spellings() -> None:
    for value in (None, float("nan"), np.nan, np.float32("nan"), pd.NA, pd.NaT):
        assert is_missing(value)
    for other in ("", "nan", 0, False, np.inf, "NA", 10**400):
        assert not is_missing(other)
