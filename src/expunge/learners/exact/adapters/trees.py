"""scikit-learn's histogram boosting: its nodes are copied out, and walked by `TreesModel`.

Scikit-learn refuses a categorical column of more categories than bins; it is given ordered codes. Categorical columns
come first, as scikit-learn would put them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.plain import MOST_CATEGORIES, categorical, plain, plain_columns
from expunge.learners.exact.adapters.family import RANDOM_STATE, Family, Rows
from expunge.learners.registry import Task
from expunge.learners.served import ServedModel, TreesModel
from expunge.learners.served.trees import Link

_COUNTS: Final = (
    "learning_rate", "max_iter", "max_leaf_nodes", "max_depth", "min_samples_leaf", "l2_regularization", "max_features",
    "max_bins", "early_stopping", "validation_fraction", "n_iter_no_change", "tol", RANDOM_STATE,
)  # fmt: skip


def _learn(estimator: Any, rows: Rows) -> ServedModel:
    columns = plain_columns(rows.columns)
    as_sets = categorical(columns, min(estimator.max_bins, MOST_CATEGORIES))
    order = np.argsort(~as_sets, kind="stable")
    estimator.set_params(categorical_features=np.flatnonzero(as_sets[order]))
    estimator.fit(plain(columns, rows.cells)[:, order], rows.target)
    link: Link = "exp" if estimator.loss in {"poisson", "gamma"} else "identity"
    signature = rows.signature(columns)
    return TreesModel(signature, link, _arrays(estimator, order))


def _arrays(estimator: Any, order: npt.NDArray[np.intp]) -> dict[str, npt.NDArray[np.float64]]:
    """Copy the nodes out, all trees end to end, features under their own places."""
    trees = [tree for iteration in estimator._predictors for tree in iteration]
    starts = np.cumsum([0, *(len(tree.nodes) for tree in trees)])
    bitset_starts = np.cumsum([0, *(len(tree.raw_left_cat_bitsets) for tree in trees)])
    parts: dict[str, list[npt.NDArray[Any]]] = {
        name: [np.empty(0)] for name in ("bitset", "feature", "left", "missing", "right", "threshold", "value")
    }
    for tree, start, bitset_start in zip(trees, starts, bitset_starts, strict=False):  # one start more: the end
        nodes = tree.nodes
        leaf, asks = nodes["is_leaf"] == 1, nodes["is_categorical"] == 1
        parts["bitset"].append(np.where(asks & ~leaf, nodes["bitset_idx"].astype(np.int64) + bitset_start, -1))
        parts["feature"].append(np.where(leaf, -1, order[np.where(leaf, 0, nodes["feature_idx"])]))
        parts["left"].append(np.where(leaf, 0, nodes["left"].astype(np.int64) + start))
        parts["right"].append(np.where(leaf, 0, nodes["right"].astype(np.int64) + start))
        parts["missing"].append(np.where(leaf, 0, nodes["missing_go_to_left"]))
        parts["threshold"].append(np.where(leaf | asks, 0.0, nodes["num_threshold"]))
        parts["value"].append(np.where(leaf, nodes["value"], 0.0))
    bitsets = [np.empty((0, 8)), *(np.asarray(tree.raw_left_cat_bitsets, dtype=np.float64) for tree in trees)]
    return {
        **{name: np.concatenate(arrays).astype(np.float64) for name, arrays in parts.items()},
        "baseline": np.array(estimator._baseline_prediction, dtype=np.float64).ravel(),
        "bitsets": np.concatenate(bitsets),
        "starts": starts[:-1].astype(np.float64),
    }


def _family(name: str, task: Task, *more: str) -> Family:
    pinned = {"verbose": 0}
    family = Family(name, "sklearn.ensemble", "sklearn", "learners", task, (*_COUNTS, *more), _learn, pinned)
    return replace(family, link=lambda _: "softmax")  # its warm start takes the bins of other rows for its own


FAMILIES: Final = (
    _family("HistGradientBoostingClassifier", "classification", "class_weight"),
    _family("HistGradientBoostingRegressor", "regression", "loss", "quantile"),
)
