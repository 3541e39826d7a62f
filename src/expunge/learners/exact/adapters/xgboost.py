"""XGBoost: its JSON is served as it is. Thresholds are 32-bit floats, and may be values of people who stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from expunge.learners.encoding.plain import categorical, plain, plain_columns
from expunge.learners.exact.adapters.family import RANDOM_STATE, Family, Resume, Rows
from expunge.learners.registry import Task
from expunge.learners.served import ServedModel, XGBoostModel
from expunge.learners.served.boosters import EXTRA, load_library

_COUNTS: Final = (
    "n_estimators", "max_depth", "max_leaves", "max_bin", "grow_policy", "learning_rate", "tree_method", "booster",
    "gamma", "min_child_weight", "max_delta_step", "subsample", "colsample_bytree", "colsample_bylevel",
    "colsample_bynode", "reg_alpha", "reg_lambda", "scale_pos_weight", "base_score", "num_parallel_tree",
    "max_cat_to_onehot", "max_cat_threshold", "device", RANDOM_STATE,
)  # fmt: skip
_PINNED: Final = {"n_jobs": 1, "verbosity": 0, "enable_categorical": True}
_CHOICES: Final = {"booster": ("gbtree", "dart"), "tree_method": ("hist", "approx", "exact"), "device": ("cpu",)}
_OBJECTIVES: Final = (
    "reg:squarederror", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror", "reg:gamma", "reg:tweedie",
    "count:poisson",
)  # fmt: skip


def _learn(estimator: Any, rows: Rows, before: XGBoostModel | None = None) -> ServedModel:
    columns = plain_columns(rows.columns)
    types = ["c" if by_sets else "q" for by_sets in categorical(columns).tolist()]
    earlier = None if before is None else load_library("xgboost").Booster({"nthread": 1})
    if earlier is not None and before is not None:
        earlier.load_model(bytearray(before.text.encode()))
    estimator.set_params(feature_types=types).fit(plain(columns, rows.cells), rows.target, xgb_model=earlier)
    text = bytes(estimator.get_booster().save_raw("json")).decode()
    return XGBoostModel(rows.signature(columns), text)


def _family(name: str, task: Task, counts: tuple[str, ...], **choices: Any) -> Family:
    family = Family(name, "xgboost", "xgboost", EXTRA, task, counts, _learn, _PINNED, {**_CHOICES, **choices})
    resume = Resume("n_estimators", 100, _learn, lambda estimator: estimator.booster in {None, "gbtree"})
    return replace(family, link=lambda _: "softmax", resume=resume)


FAMILIES: Final = (
    _family("XGBClassifier", "classification", _COUNTS),
    _family("XGBRegressor", "regression", (*_COUNTS, "objective"), objective=_OBJECTIVES),
)
