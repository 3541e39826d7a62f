"""Who is measured: our ensembles, and other libraries' at their defaults, one thread each.

To measure one more of ours add a line to the end of `LEARNERS`, and a variant to `VARIANTS`, which are not taken
through all parts: colours and markers go by their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from lightgbm import LGBMClassifier
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from xgboost import XGBClassifier

from expunge.bench.tasks import Rows, Task
from expunge.bench.timing import seconds
from expunge.learners.exact import BlendClassifier, BoostingClassifier, ForestClassifier


@dataclass(frozen=True)
class Own:
    """One of our learners.

    Parameters
    ----------
    make : callable
        Takes hyperparameters.
    small : mapping
        Those with which it is quick, for sequences.
    """

    make: Callable[..., Any]
    small: Mapping[str, Any] = field(default_factory=dict)


LEARNERS: Final[dict[str, Own]] = {
    "boosting": Own(BoostingClassifier, {"n_estimators": 40}),
    "forest": Own(ForestClassifier, {"n_estimators": 20}),
    "blend": Own(BlendClassifier, {"n_chains": 2, "n_estimators": 20, "n_trees": 10}),
}
VARIANTS: Final[dict[str, Own]] = {
    "boosting, staged": Own(partial(BoostingClassifier, structure="staged"), {"n_estimators": 40}),
}
ALL: Final[dict[str, Own]] = LEARNERS | VARIANTS
CATEGORIES: Final = "lightgbm, categories"
"""Who gets words as categories."""
RIVALS: Final[dict[str, Callable[[], Any]]] = {
    "lightgbm": lambda: LGBMClassifier(n_jobs=1, verbose=-1),
    CATEGORIES: lambda: LGBMClassifier(n_jobs=1, verbose=-1),
    "xgboost": lambda: XGBClassifier(n_jobs=1),
    "hist-gradient-boosting": HistGradientBoostingClassifier,
    "extra trees": lambda: ExtraTreesClassifier(n_jobs=1),
    "random forest, leaves of 1": lambda: RandomForestClassifier(n_jobs=1),
    "random forest, leaves of 5": lambda: RandomForestClassifier(min_samples_leaf=5, n_jobs=1),
    "random forest, leaves of 20": lambda: RandomForestClassifier(min_samples_leaf=20, n_jobs=1),
}
SHARDS: Final = (5, 10, 20)


def fitted(own: Own, task: Task, **more: Any) -> Any:
    """Fit one of ours to all rows of a task."""
    return own.make(**more).fit(task.X, task.y, subjects=task.people)


def refit(task: Task) -> Any:
    """Fit LightGBM, at its defaults, to all rows of a task: what to forget costs without us."""
    return RIVALS["lightgbm"]().fit(task.X, task.y)


def warm_up() -> None:
    """Compile every kernel that fits, forgets or predicts."""
    for own in ALL.values():
        own.make().prepare()


def sisa(shards: int, task: Task, train: Rows) -> tuple[npt.NDArray[Any], float]:
    """Fit LightGBM to shards of people; return the mean of their words on the other rows, and the time of one shard.

    To forget somebody means to fit one shard again (Bourtoule et al. 2021, arXiv 1912.03817; one slice).
    """
    everybody, place = np.unique(task.people, return_inverse=True)
    shard = np.random.default_rng(shards).integers(0, shards, len(everybody))[place]
    told, spent = np.zeros(int((~train).sum())), []
    for number in range(shards):
        model, own = RIVALS["lightgbm"](), train & (shard == number)
        spent.append(seconds(model.fit, task.X[own], task.y[own]))
        told += model.predict_proba(task.X[~train])[:, 1] / shards
    return told, float(np.mean(spent))
