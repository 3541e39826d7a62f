"""Other libraries' estimators, one file per family: which hyperparameters count, how to pin them, what is served.

Nothing of another library is imported until one of its estimators is at hand, or asked for by name. A name is looked
up in the table here; no file can name a module.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from expunge.errors import InputError
from expunge.learners.exact.adapters import lightgbm, linear, torch, trees, xgboost
from expunge.learners.exact.adapters.family import Family
from expunge.learners.served.boosters import load_library
from expunge.learners.values import Scalar

FAMILIES: Final[Mapping[str, Family]] = MappingProxyType(
    {family.name: family for module in (linear, trees, lightgbm, xgboost, torch) for family in module.FAMILIES}
)
"""Class name -> family."""

_KEEP_ROWS: Final = (
    "KNeighbors", "RadiusNeighbors", "SVC", "NuSVC", "SVR", "NuSVR", "OneClassSVM", "GaussianProcess", "KernelRidge",
)  # fmt: skip
_HOLD_OTHERS: Final = (
    "Pipeline", "FeatureUnion", "ColumnTransformer", "Stacking", "Voting", "Bagging", "AdaBoost", "OneVs", "OutputCode",
    "MultiOutput", "ClassifierChain", "RegressorChain", "Calibrated", "TransformedTarget", "SearchCV", "SelfTraining",
    "TunedThreshold", "FixedThreshold", "RFE", "SelectFromModel",
)  # fmt: skip


def family_of(estimator: Any) -> Family:
    """Return the family of an estimator: its very class, not a subclass.

    Raises
    ------
    InputError
        Where there is no adapter; says why, and what to take instead.
    """
    cls = type(estimator)
    family = FAMILIES.get(cls.__name__)
    if family is not None and cls is getattr(load_library(family.module, family.extra), family.name):
        return family
    raise InputError(
        f"{cls.__name__} cannot be wrapped: {_why_not(cls)}.", mend=f"Take one of {', '.join(sorted(FAMILIES))}."
    )


def estimator_from(name: str, params: Mapping[str, Scalar]) -> Any:
    """Make an estimator by its class name, as a saved state and the command line state it.

    Parameters
    ----------
    name : str
        As ``LGBMClassifier``; its library may stand before it, as in ``lightgbm.LGBMClassifier``.
    params : mapping of str to a single value

    Raises
    ------
    InputError
        Where the name is not one of `FAMILIES`, its library is not installed, or a hyperparameter does not count.
    """
    module, _, bare = name.rpartition(".")
    family = FAMILIES.get(bare)
    if family is None or (module and module not in {family.module, family.package}):
        raise InputError(f"there is no adapter for {name!r}.", mend=f"Take one of {', '.join(sorted(FAMILIES))}.")
    if unknown := sorted(set(params) - set(family.counts)):
        raise InputError(
            f"a {bare} takes no hyperparameter {unknown[0]!r} here.",
            mend=f"It takes {', '.join(sorted(family.counts))}.",
        )
    estimator = getattr(load_library(family.module, family.extra), bare)(**params)
    family.hyperparameters(estimator)
    return estimator


def _why_not(cls: type) -> str:
    parents = [parent.__name__ for parent in cls.__mro__[1:] if parent.__name__ in FAMILIES]
    if cls.__name__ in FAMILIES or parents:
        return f"it is no {(parents or [cls.__name__])[0]} but another class, which may do otherwise"
    if cls.__name__.startswith(_KEEP_ROWS):
        return "it keeps rows of the people it learned from in what predicts"
    if any(part in cls.__name__ for part in _HOLD_OTHERS):
        return "it holds other estimators or encoders, which no adapter reaches; columns are encoded here already"
    return "there is no adapter that turns what it learned into canonical arrays without a pickle"
