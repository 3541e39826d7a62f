"""How probable classes are beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from expunge.errors import InputError
from expunge.learners.exact import GaussianNB, LinearDiscriminantAnalysis
from expunge.learners.state import dump, load

RNG = np.random.default_rng(5)
Y = RNG.integers(0, 3, 400)
X = pd.DataFrame(
    {
        "a": RNG.normal(size=400) + Y,
        "b": RNG.normal(scale=1 + Y),
        "w": RNG.choice(["p", "q", "r"], 400),
        "v": np.where(RNG.random(400) < 0.2 * Y, "yes", "no"),
    }
)


@pytest.mark.parametrize("learner", [GaussianNB(), LinearDiscriminantAnalysis()], ids=str)
def test_priors_count_survive_and_are_the_same_as_text(learner: Any) -> None:
    given = clone(learner).set_params(priors=(0.2, 0.3, 0.5)).fit(X, Y)
    assert not np.allclose(given.predict_proba(X), clone(learner).fit(X, Y).predict_proba(X), atol=0.01)
    again: Any = load(dump(given))
    assert again.priors == [0.2, 0.3, 0.5]
    assert again.digest() == given.digest() == clone(learner).set_params(priors="0.2,.3,0.5").fit(X, Y).digest()
    assert given.digest() != clone(learner).set_params(priors=[0.2, 0.5, 0.3]).fit(X, Y).digest()
    with pytest.raises(InputError, match="3 priors for 4 classes"):
        given.learn(X, Y + 1, subjects=np.arange(400) + 400)
