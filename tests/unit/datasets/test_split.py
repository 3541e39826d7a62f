"""Who is held out depends on the person, the secret and the share alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.datasets import held_out
from expunge.errors import InputError, SubjectIdError

SECRET = st.binary(min_size=32, max_size=32)
IDS = st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.text("ab7", min_size=1)), min_size=1)
SHARE = st.floats(0, 1)


@given(IDS, SECRET, SHARE)
def test_nobody_elses_presence_matters(ids: list[Any], secret: bytes, share: float) -> None:
    alone = [bool(held_out([subject], secret, share)[0]) for subject in ids]
    assert held_out(ids, secret, share).tolist() == alone


@given(IDS, SECRET, SHARE, SHARE)
def test_a_larger_share_only_adds_people(ids: list[Any], secret: bytes, one: float, other: float) -> None:
    less, more = (held_out(ids, secret, share) for share in sorted((one, other)))
    assert not (less & ~more).any()


@given(IDS, SECRET)
def test_the_ends_hold_out_nobody_and_everybody(ids: list[Any], secret: bytes) -> None:
    assert not held_out(ids, secret, 0).any()
    assert held_out(ids, secret, 1).all()


def test_the_share_is_met_and_the_secret_and_the_kind_matter() -> None:
    ids = list(range(20_000))
    first = held_out(ids, bytes(32), 0.2)
    assert abs(first.mean() - 0.2) < 0.01
    for other in (held_out(ids, bytes(31) + b"\1", 0.2), held_out([str(i) for i in ids], bytes(32), 0.2)):
        assert abs((first & other).mean() - 0.04) < 0.01


def test_the_split_is_the_same_on_every_machine() -> None:
    chosen = held_out(list(range(24)), bytes(range(32)), 0.5)
    assert "".join("01"[int(one)] for one in chosen) == "101001100101011111111000"


def test_numpy_ids_equal_pythons() -> None:
    ids = np.arange(50)
    assert (held_out(ids, bytes(32), 0.5) == held_out(ids.tolist(), bytes(32), 0.5)).all()


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="5 bytes"):
        held_out([1], b"short", 0.5)
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match=r"not in 0\.\.1"):
            held_out([1], bytes(32), share)
    for bad in (1.0, True):
        ids: list[Any] = [1, bad]
        with pytest.raises(SubjectIdError):
            held_out(ids, bytes(32), 0.5)
