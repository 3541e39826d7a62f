"""Steps of training: whose they are, and that they go with their people."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.learners.empirical.history import History


def drawn(seed: int, n_steps: int, n_subjects: int) -> History:
    rng = np.random.default_rng(seed)
    present = rng.random((n_steps, n_subjects)) < 0.3
    return History(present, rng.normal(size=(n_steps, 4)).astype(np.float32))


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(2, 9), st.data())
def test_what_is_taken_and_what_is_left_are_all(seed: int, n_steps: int, n_subjects: int, data: st.DataObject) -> None:
    history = drawn(seed, n_steps, n_subjects)
    leaving = data.draw(st.sets(st.integers(0, n_subjects - 1), min_size=1, max_size=n_subjects - 1))
    rest = history.without(leaving)
    assert np.allclose(history.taken(leaving) + rest.steps.sum(axis=0), history.steps.sum(axis=0), atol=1e-5)
    assert rest.present.shape == (len(rest.steps), n_subjects - len(leaving))
    stayed = np.delete(history.present, sorted(leaving), axis=1)
    assert set(map(tuple, rest.present.tolist())) <= set(map(tuple, stayed.tolist()))


def test_it_is_saved_bit_for_bit() -> None:
    history = drawn(1, 5, 6)
    again = History.from_arrays(history.to_arrays(), 6)
    assert np.array_equal(again.present, history.present)
    assert again.steps.tobytes() == history.steps.tobytes()


@pytest.mark.parametrize(("n_subjects", "cut"), [(5, 5), (6, 4)])
def test_steps_of_others_are_refused(n_subjects: int, cut: int) -> None:
    arrays = drawn(1, 5, 6).to_arrays()
    with pytest.raises(ValueError, match="not those of these subjects"):
        History.from_arrays(arrays | {"steps": arrays["steps"][:cut]}, n_subjects)
