"""Words as places: scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import preprocessing

from expunge.errors import InputError
from expunge.learners.exact import OneHotEncoder

RNG = np.random.default_rng(3)
WORDS = pd.DataFrame({"v": RNG.choice(["p", "q", "r"], 301), "w": RNG.choice(np.array(["x", None], dtype=object), 301)})


@pytest.mark.parametrize("drop", [None, "first", "if_binary"])
def test_places_are_scikit_learns(drop: Any) -> None:
    own = OneHotEncoder(drop).fit(WORDS)
    theirs = preprocessing.OneHotEncoder(drop=drop, sparse_output=False).fit(WORDS)
    assert own.transform(WORDS).tolist() == theirs.transform(WORDS).tolist()


def test_a_word_that_is_not_known_is_nothing_or_refused() -> None:
    X, other = pd.DataFrame({"w": ["x", "y"]}), pd.DataFrame({"w": ["x", "z"]})
    assert OneHotEncoder().fit(X).transform(other).tolist() == [[1.0, 0.0], [0.0, 0.0]]
    with pytest.raises(InputError, match="row 2: 'z' was not learned"):
        OneHotEncoder(handle_unknown="error").fit(X).transform(other)
