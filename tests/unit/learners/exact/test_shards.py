"""How many shards there are and why, who is in which, and what forgetting costs on average."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.learners.exact.shards import LARGE, LEAST, MOST, SLICES, Design, designed, expected_cost, places_of

KEY = bytes(range(32))


def simulated(n_shards: int, n_slices: int, n_leaving: int, times: int = 4000) -> float:
    """What forgetting costs, counted in draws: the stages from the first slice on that somebody leaves."""
    rng = np.random.default_rng(n_shards + 100 * n_slices + n_leaving)
    shard = rng.integers(0, n_shards, (times, n_leaving))
    part = rng.integers(0, n_slices, (times, n_leaving))
    first = np.full((times, n_shards), n_slices)
    np.minimum.at(first, (np.arange(times)[:, None], shard), part)
    tails = np.array([sum(range(begin + 1, n_slices + 1)) for begin in range(n_slices + 1)])
    return float(tails[first].sum(axis=1).mean() / (tails[0] * n_shards))


@pytest.mark.parametrize(
    ("n_shards", "n_slices", "n_leaving"), [(1, 1, 1), (10, 1, 1), (10, 1, 10), (5, 4, 1), (20, 4, 10), (3, 8, 2)]
)
def test_the_expected_cost_is_what_draws_give(n_shards: int, n_slices: int, n_leaving: int) -> None:
    assert expected_cost(n_shards, n_slices, n_leaving) == pytest.approx(
        simulated(n_shards, n_slices, n_leaving), rel=0.05
    )


@given(st.integers(1, 50), st.integers(1, 100))
def test_without_slices_it_is_the_share_of_shards_that_are_met(n_shards: int, n_leaving: int) -> None:
    met = n_shards * (1 - (1 - 1 / n_shards) ** n_leaving)
    assert expected_cost(n_shards, 1, n_leaving) == pytest.approx(met / n_shards)


@given(st.integers(1, 3 * 10**6), st.integers(1, 1000), st.booleans())
def test_what_is_chosen_follows_from_how_many_people_there_are(n_people: int, n_leaving: int, goes_on: bool) -> None:
    made = designed(n_people, n_leaving, n_shards=None, n_slices=None, goes_on=goes_on)
    assert 1 <= made.n_shards <= MOST
    assert made.n_shards == 1 or n_people // made.n_shards >= LEAST
    assert made.n_slices == (SLICES if goes_on and n_people // made.n_shards >= LARGE else 1)
    assert str(made.n_shards) in made.why


def test_shards_that_save_nothing_are_not_chosen() -> None:
    assert designed(100_000, 1, n_shards=None, n_slices=None, goes_on=False).n_shards == MOST
    crowd = designed(100_000, 200, n_shards=None, n_slices=None, goes_on=False)
    assert crowd.n_shards == 1
    assert "costs 100% of a fit" in crowd.why
    assert designed(100_000, 200, n_shards=7, n_slices=3, goes_on=True) == Design(
        7, 3, "7 shards as given; 3 slices as given"
    )


@settings(max_examples=20)
@given(st.sets(st.one_of(st.integers(0, 10**9), st.text(max_size=5)), min_size=2), st.integers(0, 5))
def test_nobodys_place_depends_on_who_else_is_there(people: set[int | str], random_state: int) -> None:
    design, subjects = Design(7, 3, ""), sorted(people, key=str)
    whole = np.array(places_of(subjects, design, random_state, KEY))
    fewer = np.array(places_of(subjects[1:], design, random_state, KEY))
    assert np.array_equal(whole[:, 1:], fewer)
    assert whole.min() >= 0
    assert (whole.max(axis=1) < [7, 3]).all()


def test_shards_are_about_equally_large_and_another_key_draws_others() -> None:
    people, design = list(range(21_000)), Design(7, 3, "")
    shard, part = places_of(people, design, 0, KEY)
    counts = np.bincount(3 * shard + part, minlength=21)
    assert (abs(counts - 1000) < 5 * np.sqrt(1000)).all()
    for random_state, key in ((1, KEY), (0, bytes(32)), (0, None)):
        other, _ = places_of(people, design, random_state, key)
        assert 0.1 < (other == shard).mean() < 0.2
