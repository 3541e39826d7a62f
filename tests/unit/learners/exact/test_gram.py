from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from expunge.domain.schema import Kind
from expunge.errors import InputError
from expunge.learners.encoding.codes import ENCODINGS, ONE, EncodingName, Scaled, learn_columns
from expunge.learners.encoding.columns import Cells, Feature, read_cells
from expunge.learners.exact import gram
from expunge.learners.exact.gram import Moments, count_products, fixed_products, ridge

FIXED = hnp.arrays(
    np.int32,
    st.tuples(st.integers(1, 12), st.integers(1, 5)),
    elements=st.one_of(st.integers(-ONE, ONE), st.sampled_from([-ONE, ONE])),
)


@given(FIXED)
def test_fixed_point_products_are_those_of_python_integers(
    codes: np.ndarray[tuple[int, int], np.dtype[np.int32]],
) -> None:
    rows = [[int(code) for code in row] for row in codes]
    columns = list(zip(*rows, strict=True))
    expected = [[sum(a * b for a, b in zip(left, right, strict=True)) for right in columns] for left in columns]
    assert fixed_products(codes).tolist() == expected


def test_products_are_exact_where_float64_could_not_hold_their_sum() -> None:
    n_rows = 2**23 + 2**13 + 3  # whose sum of squares passes 2**53
    codes = np.full((n_rows, 1), ONE, np.int32)
    codes[-1] = 1
    total = (n_rows - 1) * ONE**2 + 1
    assert total > 2**53
    assert int(float(total)) != total
    assert fixed_products(codes).tolist() == [[total]]


@given(FIXED, st.randoms())
def test_the_order_of_rows_and_the_size_of_chunks_do_not_matter(
    codes: np.ndarray[tuple[int, int], np.dtype[np.int32]], random: object
) -> None:
    order = np.random.default_rng(len(codes)).permutation(len(codes))
    whole = fixed_products(codes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gram, "CHUNK_ROWS", 3)
        assert np.array_equal(fixed_products(codes[order]), whole)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_pair_counts_are_the_gram_matrix_of_one_hot_rows(widths: list[int], data: st.DataObject) -> None:
    row = st.tuples(*(st.integers(0, width - 1) for width in widths))
    codes = np.array(data.draw(st.lists(row, min_size=1, max_size=10)), dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum(widths)]).astype(np.int64)
    one_hot = np.zeros((len(codes), offsets[-1]), np.int64)
    for i, places in enumerate(codes + offsets[:-1]):
        one_hot[i, places] = 1
    assert np.array_equal(count_products(codes, offsets), one_hot.T @ one_hot)


def _some_cells(seed: int, n_rows: int) -> tuple[tuple[Feature, ...], Cells]:
    rng = np.random.default_rng(seed)
    features = (Feature("n", Kind.NUMERIC, -9.0, 9.0), Feature("c", Kind.CATEGORICAL), Feature("m", Kind.NUMERIC))
    number = np.where(rng.random(n_rows) < 0.2, np.nan, np.clip(rng.normal(size=n_rows), -9, 9))
    word = rng.choice(np.array(["a", "b", None], dtype=object), n_rows)
    return features, read_cells(features, [number, word, rng.integers(0, 3, n_rows)])


@settings(deadline=None)
@given(st.sampled_from(["scaled", "bins"]), st.integers(0, 99), st.integers(2, 12), st.data())
def test_subtracting_rows_undoes_adding_them(name: EncodingName, seed: int, n_rows: int, data: st.DataObject) -> None:
    features, cells = _some_cells(seed, n_rows)
    encoding = ENCODINGS[name](learn_columns(features, cells), 16)
    leaving = np.array(data.draw(st.lists(st.booleans(), min_size=n_rows, max_size=n_rows)), dtype=np.bool_)
    before = Moments.of(encoding, cells)
    copied = before.products.copy()
    after = before.minus(encoding, cells.take(leaving))
    fresh = Moments.of(encoding, cells.take(~leaving)) if not leaving.all() else before.minus(encoding, cells)
    assert (after.rows, after.sums.tolist(), after.products.tolist()) == (
        fresh.rows,
        fresh.sums.tolist(),
        fresh.products.tolist(),
    )
    assert np.array_equal(before.products, copied)
    if leaving.all():
        assert not after.products.any()
        assert not after.sums.any()


@settings(deadline=None)
@given(st.integers(0, 999), st.integers(1, 30), st.integers(0, 4))
def test_words_are_counted_as_their_places_would_be_multiplied(seed: int, n_rows: int, wide: int) -> None:
    features, cells = _some_cells(seed, n_rows)
    codes = ENCODINGS["scaled"](columns := learn_columns(features, cells)).encode(cells)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("expunge.learners.encoding.codes.WIDE", wide)
        found = Moments.of(ENCODINGS["scaled"](columns), cells)
    assert np.array_equal(found.products, fixed_products(codes))
    assert np.array_equal(found.sums, codes.sum(axis=0, dtype=np.int64))


def test_a_word_that_is_not_known_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    features, cells = _some_cells(3, 40)
    known = learn_columns(features, cells.take(cells.codes[:, 0] != 1))
    monkeypatch.setattr("expunge.learners.encoding.codes.WIDE", 0)
    encoding = Scaled(known)
    assert (encoding.encode_apart(cells).codes < 0).any()
    assert np.array_equal(Moments.of(encoding, cells).products, fixed_products(encoding.encode(cells)))


def test_too_many_rows_are_refused_rather_than_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gram, "MOST_ROWS", 5)
    features, cells = _some_cells(0, 5)
    with pytest.raises(InputError, match="5 rows are too many"):
        Moments.of(ENCODINGS["scaled"](learn_columns(features, cells)), cells)


def test_the_solution_is_centred_ridge_regression() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(-ONE, ONE + 1, (200, 4)).astype(np.int32)
    X, t = codes[:, :3] / ONE, codes[:, 3] / ONE
    integers = Moments(200, codes.sum(axis=0, dtype=np.int64), fixed_products(codes))
    coef, intercept = ridge(
        integers, 3, integers.products[:3, [3]] / ONE, integers.sums[[3]] / ONE, unit=float(ONE), alpha=0.7
    )
    centred = X - X.mean(axis=0)
    expected = np.linalg.solve(centred.T @ centred + 0.7 * np.eye(3), centred.T @ (t - t.mean()))
    np.testing.assert_allclose(coef[0], expected, rtol=1e-9)
    np.testing.assert_allclose(intercept[0], t.mean() - X.mean(axis=0) @ expected, rtol=1e-9)


def test_singular_equations_name_alpha() -> None:
    integers = Moments(1, np.array([1, 1]), np.ones((2, 2), np.int64))
    with pytest.raises(InputError, match="Raise alpha"):
        ridge(integers, 2, np.ones((2, 1)), np.ones(1), unit=1.0, alpha=-1.0)
