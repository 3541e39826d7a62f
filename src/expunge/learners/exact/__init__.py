"""Learners that forget exactly: on any machine where their state is integers, in one environment where it is not.

Imported lazily, so that a served model predicts with NumPy alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from expunge.learners.exact.additive import AdditiveClassifier, AdditiveRegressor
    from expunge.learners.exact.bayes import GaussianNB, MultinomialNB
    from expunge.learners.exact.binning import QuantileBinner
    from expunge.learners.exact.blend import BlendClassifier, BlendRegressor
    from expunge.learners.exact.boosting import BoostingClassifier, BoostingRegressor
    from expunge.learners.exact.categories import OneHotEncoder
    from expunge.learners.exact.column_transformer import ColumnTransformer
    from expunge.learners.exact.components import PCA
    from expunge.learners.exact.discriminant import LinearDiscriminantAnalysis
    from expunge.learners.exact.forest import ForestClassifier, ForestRegressor
    from expunge.learners.exact.imputing import SimpleImputer
    from expunge.learners.exact.linear import Ridge, RidgeClassifier
    from expunge.learners.exact.logistic import LogisticRegression
    from expunge.learners.exact.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from expunge.learners.exact.pipeline import Pipeline
    from expunge.learners.exact.poisson import PoissonRegressor
    from expunge.learners.exact.preprocessing import TableEncoder
    from expunge.learners.exact.retrained import Retrained
    from expunge.learners.exact.scaling import StandardScaler
    from expunge.learners.exact.sharded import Sharded

__all__ = [
    "PCA",
    "AdditiveClassifier",
    "AdditiveRegressor",
    "BlendClassifier",
    "BlendRegressor",
    "BoostingClassifier",
    "BoostingRegressor",
    "ColumnTransformer",
    "ForestClassifier",
    "ForestRegressor",
    "GaussianNB",
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "LinearDiscriminantAnalysis",
    "LogisticRegression",
    "MultinomialNB",
    "OneHotEncoder",
    "Pipeline",
    "PoissonRegressor",
    "QuantileBinner",
    "Retrained",
    "Ridge",
    "RidgeClassifier",
    "Sharded",
    "SimpleImputer",
    "StandardScaler",
    "TableEncoder",
]

_HOMES = {
    "AdditiveClassifier": "additive",
    "AdditiveRegressor": "additive",
    "BlendClassifier": "blend",
    "BlendRegressor": "blend",
    "BoostingClassifier": "boosting",
    "BoostingRegressor": "boosting",
    "ColumnTransformer": "column_transformer",
    "ForestClassifier": "forest",
    "ForestRegressor": "forest",
    "LogisticRegression": "logistic",
    "PoissonRegressor": "poisson",
    "GaussianNB": "bayes",
    "KNeighborsClassifier": "neighbors",
    "KNeighborsRegressor": "neighbors",
    "LinearDiscriminantAnalysis": "discriminant",
    "MultinomialNB": "bayes",
    "OneHotEncoder": "categories",
    "PCA": "components",
    "Pipeline": "pipeline",
    "QuantileBinner": "binning",
    "Retrained": "retrained",
    "Ridge": "linear",
    "RidgeClassifier": "linear",
    "Sharded": "sharded",
    "SimpleImputer": "imputing",
    "StandardScaler": "scaling",
    "TableEncoder": "preprocessing",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
