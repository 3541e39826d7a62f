"""LightGBM: its model text is served, without what predicting does not need.

What is cut off are the parameters (the seed among them), the importances, and the smallest and largest value of every
column, which are somebody's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from expunge.learners.encoding.plain import categorical, plain, plain_columns
from expunge.learners.exact.adapters.family import RANDOM_STATE, Family, Resume, Rows
from expunge.learners.registry import Task
from expunge.learners.served import LightGBMModel, ServedModel
from expunge.learners.served.boosters import EXTRA, load_library

_COUNTS: Final = (
    "boosting_type", "num_leaves", "max_depth", "learning_rate", "n_estimators", "subsample_for_bin", "class_weight",
    "min_split_gain", "min_child_weight", "min_child_samples", "subsample", "subsample_freq", "colsample_bytree",
    "reg_alpha", "reg_lambda", "max_bin", "min_data_in_bin", "cat_smooth", "cat_l2", "min_data_per_group",
    "extra_trees", "path_smooth", RANDOM_STATE,
)  # fmt: skip
_PINNED: Final = {"n_jobs": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1}
_OBJECTIVES: Final = (
    "regression", "regression_l1", "huber", "fair", "poisson", "mape", "gamma", "tweedie", "quantile",
)  # fmt: skip
_END: Final = "end of trees"


def _learn(estimator: Any, rows: Rows, before: LightGBMModel | None = None) -> ServedModel:
    library, columns = load_library("lightgbm"), plain_columns(rows.columns)
    sets = np.flatnonzero(categorical(columns)).tolist()
    earlier = None if before is None else library.Booster(model_str=before.text)
    try:
        estimator.fit(plain(columns, rows.cells), rows.target, categorical_feature=sets or "auto", init_model=earlier)
    except library.basic.LightGBMError as error:
        raise ValueError(str(error)) from error
    return LightGBMModel(rows.signature(columns), _bare(estimator.booster_.model_to_string(num_iteration=-1)))


def _bare(text: str) -> str:
    """Return the text up to the end of the trees, without the ranges of columns."""
    trees, end, _ = text.partition(f"{_END}\n")
    return "\n".join(map(_without_ranges, trees.split("\n"))) + end


def _without_ranges(line: str) -> str:
    name, equals, value = line.partition("=")
    return f"{name}={' '.join(['none'] * len(value.split()))}" if equals and name == "feature_infos" else line


def _family(name: str, task: Task, counts: tuple[str, ...], **choices: Any) -> Family:
    boosting = {"boosting_type": ("gbdt", "dart", "rf"), **choices}
    family = Family(name, "lightgbm", "lightgbm", EXTRA, task, counts, _learn, _PINNED, boosting)
    resume = Resume("n_estimators", 100, _learn, lambda estimator: estimator.boosting_type == "gbdt")
    return replace(family, link=lambda _: "softmax", resume=resume)


FAMILIES: Final = (
    _family("LGBMClassifier", "classification", _COUNTS),
    _family("LGBMRegressor", "regression", (*_COUNTS, "objective", "alpha"), objective=_OBJECTIVES),
)
