"""Learners by name: the built-in ones, and those that other packages register under ``expunge.learners``.

A third party registers its `Learner` class as an entry point; the entry point's name is what the command line takes::

    [project.entry-points."expunge.learners"]
    forest = "their_package:TheirForest"

Nothing is imported until it is asked for, and nothing but what is registered ever is.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from expunge.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from expunge.learners.base import Learner

Task: TypeAlias = Literal["classification", "regression"]

GROUP: Final = "expunge.learners"

LEARNERS: Final[Mapping[str, Mapping[Task, str]]] = MappingProxyType(
    {
        "ridge": MappingProxyType({"classification": "RidgeClassifier", "regression": "Ridge"}),
        "additive": MappingProxyType({"classification": "AdditiveClassifier", "regression": "AdditiveRegressor"}),
        "blend": MappingProxyType({"classification": "BlendClassifier", "regression": "BlendRegressor"}),
        "boosting": MappingProxyType({"classification": "BoostingClassifier", "regression": "BoostingRegressor"}),
        "forest": MappingProxyType({"classification": "ForestClassifier", "regression": "ForestRegressor"}),
        "logistic": MappingProxyType({"classification": "LogisticRegression"}),
        "poisson": MappingProxyType({"regression": "PoissonRegressor"}),
        "certified-logistic": MappingProxyType({"classification": "CertifiedLogisticRegression"}),
        "certified-head": MappingProxyType({"classification": "CertifiedLinearHead"}),
        "sklearn-logistic": MappingProxyType({"classification": "Retrained"}),
        "gaussian-nb": MappingProxyType({"classification": "GaussianNB"}),
        "k-neighbors": MappingProxyType(
            {"classification": "KNeighborsClassifier", "regression": "KNeighborsRegressor"}
        ),
        "lda": MappingProxyType({"classification": "LinearDiscriminantAnalysis"}),
        "multinomial-nb": MappingProxyType({"classification": "MultinomialNB"}),
        "hist-gradient-boosting": MappingProxyType({"classification": "Retrained", "regression": "Retrained"}),
        "lightgbm": MappingProxyType({"classification": "Retrained", "regression": "Retrained"}),
        "xgboost": MappingProxyType({"classification": "Retrained", "regression": "Retrained"}),
        "retrained": MappingProxyType({"classification": "Retrained", "regression": "Retrained"}),
        "sharded": MappingProxyType({"classification": "Sharded", "regression": "Sharded"}),
        "pipeline": MappingProxyType({"classification": "Pipeline", "regression": "Pipeline"}),
        "network": MappingProxyType({"classification": "TorchClassifier"}),
    }
)
"""Name on the command line -> class per task."""

WRAPPERS: Final[Mapping[str, str]] = MappingProxyType(
    {"retrained": "estimator", "sharded": "estimator", "pipeline": "steps", "network": "method"}
)
"""Those that are made of others -> the parameter that names these."""

_SUCH_AS: Final = MappingProxyType(
    {
        "estimator": ("wraps an estimator of another library", "lightgbm.LGBMClassifier"),
        "steps": ("is made of steps", "scale,learn, scale=StandardScaler and learn=LogisticRegression"),
        "method": ("forgets by a method, and has none of its own", "neggrad"),
    }
)

ESTIMATORS: Final[Mapping[str, Mapping[Task, str]]] = MappingProxyType(
    {
        "sklearn-logistic": MappingProxyType({"classification": "LogisticRegression"}),
        "hist-gradient-boosting": MappingProxyType(
            {
                "classification": "HistGradientBoostingClassifier",
                "regression": "HistGradientBoostingRegressor",
            }
        ),
        "lightgbm": MappingProxyType({"classification": "LGBMClassifier", "regression": "LGBMRegressor"}),
        "xgboost": MappingProxyType({"classification": "XGBClassifier", "regression": "XGBRegressor"}),
    }
)
"""Name on the command line -> the class that `Retrained` wraps, per task."""

_MODULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "RidgeClassifier": "expunge.learners.exact.linear",
        "Ridge": "expunge.learners.exact.linear",
        "AdditiveClassifier": "expunge.learners.exact.additive",
        "AdditiveRegressor": "expunge.learners.exact.additive",
        "BlendClassifier": "expunge.learners.exact.blend",
        "BlendRegressor": "expunge.learners.exact.blend",
        "BoostingClassifier": "expunge.learners.exact.boosting",
        "BoostingRegressor": "expunge.learners.exact.boosting",
        "ForestClassifier": "expunge.learners.exact.forest",
        "ForestRegressor": "expunge.learners.exact.forest",
        "LogisticRegression": "expunge.learners.exact.logistic",
        "PoissonRegressor": "expunge.learners.exact.poisson",
        "GaussianNB": "expunge.learners.exact.bayes",
        "MultinomialNB": "expunge.learners.exact.bayes",
        "KNeighborsClassifier": "expunge.learners.exact.neighbors",
        "KNeighborsRegressor": "expunge.learners.exact.neighbors",
        "LinearDiscriminantAnalysis": "expunge.learners.exact.discriminant",
        "PCA": "expunge.learners.exact.components",
        "TableEncoder": "expunge.learners.exact.preprocessing",
        "StandardScaler": "expunge.learners.exact.scaling",
        "OneHotEncoder": "expunge.learners.exact.categories",
        "SimpleImputer": "expunge.learners.exact.imputing",
        "ColumnTransformer": "expunge.learners.exact.column_transformer",
        "Pipeline": "expunge.learners.exact.pipeline",
        "QuantileBinner": "expunge.learners.exact.binning",
        "Retrained": "expunge.learners.exact.retrained",
        "Sharded": "expunge.learners.exact.sharded",
        "TorchClassifier": "expunge.learners.empirical.classifier",
        "CertifiedLogisticRegression": "expunge.learners.certified.logistic",
        "CertifiedLinearHead": "expunge.learners.certified.head",
    }
)


def create(name: str, task: Task, /, **params: Any) -> Learner:
    """Make a learner by its name on the command line.

    Parameters
    ----------
    name : str
        One of `LEARNERS`, or an entry point's name.
    task : {"classification", "regression"}
        What the target needs: ``ridge`` is a `RidgeClassifier` for the one and a `Ridge` for the other.
    **params
        Hyperparameters, ``schema`` and ``key``.

    Raises
    ------
    NotFoundError
        Where no learner has this name.
    InputError
        Where it does not do this task, or does not take these parameters.

    Examples
    --------
    >>> create("ridge", "regression", alpha=2.0)
    Ridge(alpha=2.0)
    """
    found = _for_task(name, task)
    if name in ESTIMATORS:
        if "estimator" in params:
            raise InputError(
                f"learner {name!r} takes no hyperparameter 'estimator'.", mend=f"It wraps {ESTIMATORS[name][task]}."
            )
        schema, key = params.pop("schema", None), params.pop("key", None)
        return found.from_plain({"estimator": ESTIMATORS[name][task], **params}, schema=schema, key=key)
    try:
        return _wrapping(found, name, task, params) if name in WRAPPERS else found(**params)
    except TypeError as error:
        raise InputError(f"learner {name!r}: {error}.", mend=f"It takes {sorted(found._get_param_names())}.") from error


def _wrapping(found: type[Learner], name: str, task: Task, params: dict[str, Any]) -> Learner:
    """Make a learner of those that one of its parameters names."""
    naming = WRAPPERS[name]
    if not isinstance(params.get(naming), str):
        what, such_as = _SUCH_AS[naming]
        raise InputError(f"learner {name!r} {what}.", mend=f"Give {naming}={such_as}, say.")
    schema, key = params.pop("schema", None), params.pop("key", None)
    learner: Any = found.from_plain(params, schema=schema, key=key)
    if learner.task != task:
        does = "predicts nothing" if learner.task is None else f"does {learner.task}, not {task}"
        raise InputError(f"{params[naming]} {does}.", mend=f"Take another for {naming}.")
    return learner  # type: ignore[no-any-return]


def learner_names() -> list[str]:
    """Return all names that `create` takes, sorted."""
    return sorted({*LEARNERS, *_others()})


def learner_class(name: str) -> type[Learner]:
    """Return a registered class by its own name, as a saved state states it.

    Raises
    ------
    NotFoundError
        Where none is registered.
    """
    if name in _MODULES:
        return _learner(getattr(import_module(_MODULES[name]), name), name)
    for other in _others().values():
        if other.attr.rpartition(".")[2] == name:
            return _learner(other.load(), name)
    known = ", ".join(sorted(_MODULES))
    raise NotFoundError(f"no learner {name!r} is registered.", mend=f"Take one of {known}; or install what brings it.")


def _for_task(name: str, task: Task) -> type[Learner]:
    if name in LEARNERS:
        tasks = LEARNERS[name]
        if task not in tasks:
            able = sorted(known for known, does in LEARNERS.items() if task in does)
            raise InputError(
                f"learner {name!r} does {' and '.join(tasks)}, not {task}.", mend=f"For {task} take one of {able}."
            )
        return learner_class(tasks[task])
    if (other := _others().get(name)) is None:
        raise NotFoundError(f"there is no learner {name!r}.", mend=f"Learners are: {', '.join(learner_names())}.")
    from sklearn.base import is_classifier, is_regressor  # noqa: PLC0415  # only third-party learners need to be asked

    found = _learner(other.load(), name)
    if not (is_classifier if task == "classification" else is_regressor)(found()):
        raise InputError(f"learner {name!r} does not do {task}.", mend="Take another, or another target.")
    return found


def _others() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in LEARNERS}


def _learner(found: Any, name: str) -> type[Learner]:
    from expunge.learners.base import Learner  # noqa: PLC0415  # keeps the command line's start free of scikit-learn

    if not (isinstance(found, type) and issubclass(found, Learner)):
        raise InputError(f"{name!r} is registered as a learner and is {found!r}.", mend="Register a Learner class.")
    return found
