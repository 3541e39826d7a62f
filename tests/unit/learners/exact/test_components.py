"""Principal components: scikit-learn's own, but for a sign that is fixed."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import decomposition
from sklearn.pipeline import make_pipeline

from expunge.bench import tasks
from expunge.errors import InputError
from expunge.learners.encoding.codes import ONE
from expunge.learners.exact import PCA, Ridge, TableEncoder

RNG = np.random.default_rng(7)
MIXED = RNG.normal(size=(300, 3)) @ RNG.normal(size=(3, 5))
X = pd.DataFrame(MIXED, columns=list("abcde")).assign(w=RNG.choice(["p", "q", "r"], 300))

real = pytest.mark.skipif(not os.environ.get(tasks.VARIABLE), reason=f"{tasks.VARIABLE} is not set")


def agree(own: PCA, X: pd.DataFrame, n: int, *, whiten: bool) -> None:
    Z = TableEncoder().fit(X).transform(X) / ONE
    theirs = decomposition.PCA(n, whiten=whiten, svd_solver="covariance_eigh").fit(Z)
    np.testing.assert_allclose(own.explained_variance_, theirs.explained_variance_, rtol=1e-8)
    np.testing.assert_allclose(own.explained_variance_ratio_, theirs.explained_variance_ratio_, rtol=1e-8)
    np.testing.assert_allclose(own.mean_, theirs.mean_, atol=1e-12)
    signs = np.sign((own.components_ * theirs.components_).sum(axis=1))
    np.testing.assert_allclose(own.components_, theirs.components_ * signs[:, None], atol=1e-6)
    np.testing.assert_allclose(own.transform(X), theirs.transform(Z) * signs, atol=1e-6)
    np.testing.assert_allclose(
        own.inverse_transform(own.transform(X)), theirs.inverse_transform(theirs.transform(Z)), atol=1e-9
    )


@pytest.mark.parametrize("whiten", [False, True])
def test_components_are_scikit_learns(whiten: bool) -> None:
    agree(PCA(4, whiten).fit(X), X, 4, whiten=whiten)


@real
@pytest.mark.parametrize("name", tasks.REAL)
def test_components_of_real_people_are_scikit_learns(name: str) -> None:
    X = tasks.REAL[name]().some(4000, np.random.default_rng(0)).X
    agree(PCA(3).fit(X), X, 3, whiten=False)


def test_a_share_takes_the_fewest_that_have_more_of_it_and_none_all_that_have_any() -> None:
    whole = PCA().fit(X)
    assert whole.n_components_ == 7  # five numbers, two of which are nearly told by the others, and two of three words
    np.testing.assert_allclose(whole.explained_variance_ratio_.sum(), 1.0)
    reached = np.cumsum(whole.explained_variance_ratio_)
    assert PCA((reached[0] + reached[1]) / 2).fit(X).n_components_ == 2
    assert PCA(50).fit(X).n_components_ == 7
    np.testing.assert_allclose(
        whole.inverse_transform(whole.transform(X)), TableEncoder().fit(X).transform(X) / ONE, atol=1e-4
    )


def test_the_first_of_the_largest_entries_is_above_0() -> None:
    x = np.linspace(0, 1, 9)
    for left, right in ((x, -x), (-x, x)):
        components = PCA().fit(np.column_stack([left, right])).components_
        np.testing.assert_allclose(components, [[0.5**0.5, 0, -(0.5**0.5), 0]], atol=1e-12)


def test_where_all_rows_are_alike_there_is_one_component_of_nothing() -> None:
    for whiten in (False, True):
        own = PCA(whiten=whiten).fit([[2.0, 1.0]] * 3)
        assert own.transform([[2.0, 1.0]]).tolist() == [[0.0]]
        assert own.explained_variance_ratio_.tolist() == [0.0]


def test_it_forgets_within_a_pipeline_and_names_what_it_gives() -> None:
    pipeline: Any = make_pipeline(PCA(2), Ridge()).fit(X, MIXED[:, 0])
    pipeline[0].forget([0, 7])
    rest = np.delete(np.arange(300), [0, 7])
    again = PCA(2).fit(X.iloc[rest], subjects=rest)
    assert pipeline[0].digest() == again.digest()
    assert pipeline[0].transform(X).tolist() == again.transform(X).tolist()
    framed = again.set_output(transform="pandas").transform(X)
    assert list(framed.columns) == again.get_feature_names_out().tolist() == ["pca0", "pca1"]


@pytest.mark.parametrize("wrong", [0, 1.0, -0.5, True, "mle"])
def test_components_that_are_no_number_are_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match="n_components="):
        PCA(wrong).fit(X)
    with pytest.raises(InputError, match="whiten=1"):
        PCA(whiten=1).fit(X)  # type: ignore[arg-type]
