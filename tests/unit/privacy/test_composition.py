"""Two releases together say more than each alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from expunge.errors import InputError
from expunge.privacy import Rules, generalise, overlap


def test_the_same_release_twice_says_nothing_more() -> None:
    groups = {1: 0, 2: 0, 3: 1, 4: 1}
    found = overlap(groups, groups, 2)
    assert (found.people, found.smallest, found.exposed, found.holds) == (4, 2, 0, True)


def test_releases_that_cut_otherwise_expose_people() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.integers(18, 90, 300), "hours": rng.integers(1, 80, 300)})
    one, other = (generalise(frame, Rules(k=10), subjects=range(300), quasi=quasi) for quasi in (["age"], ["hours"]))
    found = overlap(one.groups, other.groups, 10)
    assert found.people == 300
    assert not found.holds
    pairs = [(one.groups[person], other.groups[person]) for person in range(300)]
    assert found.exposed == sum(pairs.count(pair) < 10 for pair in pairs)


def test_who_is_in_one_release_only_is_not_counted() -> None:
    assert overlap({1: 0, 2: -1, 3: 0}, {2: 0, 3: 0, 4: 0}, 2).people == 1
    assert overlap({1: 0}, {2: 0}, 2).holds


def test_k_of_one_is_refused() -> None:
    with pytest.raises(InputError, match="k is 1"):
        overlap({}, {}, 1)
