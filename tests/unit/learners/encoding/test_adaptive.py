"""Bins that follow the data: what they are, and that their watch sees when they move."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge._kernels.siphash import Words
from expunge.domain.schema import Kind
from expunge.learners.encoding import adaptive
from expunge.learners.encoding.adaptive import Binning, Watch, learn_bins
from expunge.learners.encoding.codes import Column, learn_columns
from expunge.learners.encoding.columns import Cells, Feature, read_cells

KEY: Words = np.array([1, 2], np.uint64)
FEATURES = (
    Feature("declared", Kind.NUMERIC, 0.0, 300.0, 1.0),
    Feature("inferred", Kind.NUMERIC, whole=True),
    Feature("word", Kind.CATEGORICAL),
    Feature("real", Kind.NUMERIC, -1.0, 1.0),
)


def people(seed: int, n: int) -> Cells:
    rng = np.random.default_rng(seed)
    declared = np.where(rng.random(n) < 0.3, np.nan, rng.integers(0, 301, n))
    inferred = np.where(rng.random(n) < 0.05, 0.5, rng.integers(0, 200, n).astype(float))
    word = rng.choice(np.array(["a", "b", "c", None], dtype=object), n)
    return read_cells(FEATURES, [declared, inferred, word, rng.uniform(-1, 1, n) ** 3])


def learned(cells: Cells) -> tuple[Binning, Any, Watch]:
    return learn_bins(FEATURES, learn_columns(FEATURES, cells), KEY, cells)


def facts(binning: Binning) -> tuple[Any, ...]:
    return binning.columns, [own.tolist() for own in binning.edges], binning.missing.tolist()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(5, 150), st.sampled_from([2, 5, 30]), st.sampled_from([6, 255]), st.data())
def test_the_watch_sees_whenever_bins_move(seed: int, n: int, least: int, most: int, data: st.DataObject) -> None:
    cells = people(seed, n)
    leaving = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    if leaving.all() or not leaving.any():
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adaptive, "LEAST", least)
        patch.setattr(adaptive, "MOST", most)
        binning, bins, watch = learned(cells)
        after, fresh, _ = learned(cells.take(~leaving))
        gone = Cells(cells.numbers[leaving], cells.codes[leaving], cells.words)
        moved = watch.leave(gone) or after.columns[2].words != binning.columns[2].words
        edges = watch.gone()
    bins = bins[:, ~leaving]
    for column, edge in edges:
        binning, before = binning.merged(column, edge)
        bins[column] -= bins[column] > before
    assert watch.gone() == []
    if not moved:
        assert facts(after) == facts(binning)
        assert np.array_equal(bins, fresh)


def test_leaving_one_by_one_is_leaving_together() -> None:
    cells = people(1, 120)
    _, _, one_by_one = learned(cells)
    _, _, together = learned(cells)
    for row in range(7):
        one_by_one.leave(Cells(cells.numbers[[row]], cells.codes[[row]], cells.words))
    together.leave(Cells(cells.numbers[:7], cells.codes[:7], cells.words))
    assert np.array_equal(one_by_one._held, together._held)
    for left, right in zip(one_by_one._splits, together._splits, strict=True):
        assert np.array_equal(left.counts, right.counts)


def test_the_order_of_rows_does_not_matter() -> None:
    cells = people(2, 200)
    order = np.random.default_rng(0).permutation(200)
    binning, bins, _ = learned(cells)
    again, moved, _ = learned(cells.take(order))
    assert facts(again) == facts(binning)
    assert np.array_equal(moved, bins[:, order])


def test_what_was_learned_encodes_what_it_learned_from() -> None:
    cells = people(3, 300)
    binning, bins, _ = learned(cells)
    assert np.array_equal(binning.encode(cells), bins)
    assert (bins <= (binning.bins + binning.missing - 1)[:, None]).all()
    new = [np.array([1e9, np.nan]), np.array([-5.0, 3.0]), np.array(["z", None], object), np.zeros(2)]
    found = binning.encode(read_cells(FEATURES, new))
    assert found[0].tolist() == [binning.bins[0] - 1, binning.bins[0]], "clipped, and missing"
    assert found[2].tolist() == [3, 3], "a word that is not known is as missing"


def test_few_rows_get_the_bins_that_many_get() -> None:
    """A few are looked for among the edges, many in a table of all positions."""
    cells = people(4, 2000)
    binning, bins, _ = learned(cells)
    assert adaptive.position_bits(binning.columns[3]) == 16
    assert len(cells) > 2**16 // adaptive.FEW, "all are many, and one is few"
    for row in (*range(200), int(np.flatnonzero(np.isnan(cells.numbers[:, 0]))[0])):
        one = Cells(cells.numbers[[row]], cells.codes[[row]], cells.words)
        assert np.array_equal(binning.encode(one)[:, 0], bins[:, row])


def test_more_words_than_bins_share_them() -> None:
    words = np.array([f"w{number}" for number in range(700)], dtype=object)
    feature = (Feature("word", Kind.CATEGORICAL),)
    cells = read_cells(feature, [words])
    binning, bins, _ = learn_bins(feature, learn_columns(feature, cells), KEY, cells)
    assert binning.bins.tolist() == [255]
    assert 200 < len(np.unique(bins)) <= 255
    kept = cells.take(np.arange(700) % 2 == 0)
    _, fewer, _ = learn_bins(feature, learn_columns(feature, kept), KEY, kept)
    assert np.array_equal(fewer, bins[:, ::2]), "where a word goes does not depend on the others"


@pytest.mark.parametrize(
    ("column", "bits"),
    [
        (Column("none"), 0),
        (Column("one", None, 3.0, 3.0), 0),
        (Column("flag", None, 0.0, 1.0, 1.0), 1),
        (Column("age", None, 0.0, 130.0, 1.0), 8),
        (Column("income", None, 0.0, 1e6, 1.0), 16),
        (Column("real", None, 0.0, 1.0), 16),
    ],
)
def test_positions_are_as_many_as_the_column_has_steps(column: Column, bits: int) -> None:
    assert adaptive.position_bits(column) == bits


def test_at_most_255_bins_even_where_every_value_is_full() -> None:
    feature = (Feature("n", Kind.NUMERIC, 0.0, 999.0, 1.0),)
    cells = read_cells(feature, [np.repeat(np.arange(1000.0), 70)])
    binning, _, watch = learn_bins(feature, learn_columns(feature, cells), KEY, cells)
    assert 100 < binning.bins[0] <= 255
    assert [split.crowded for split in watch._splits] == [False, True]


def test_only_the_counts_of_now_are_kept() -> None:
    watch = learned(people(4, 2000))[2]
    assert not any(len(split.counts) for split in watch._laid)
    assert sum(len(split.counts) for split in watch._splits) == len(watch._watched.counts) > 0
