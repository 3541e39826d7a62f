"""What compositions have in common: named parts, their parameters, and their states saved side by side."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.base import clone
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import check_is_fitted

from expunge.domain.guarantee import Exact
from expunge.errors import ExpungeError, InputError
from expunge.learners.base import Arrays
from expunge.learners.exact.rows import RowLearner
from expunge.learners.exact.wrapped import prefixed
from expunge.learners.registry import learner_class
from expunge.learners.values import Scalar, to_text


class Composition(_BaseComposition, RowLearner):  # type: ignore[misc]  # no types in scikit-learn
    """Base of compositions: their state has ``parts``, fitted copies of what they were made of."""

    @property
    @abstractmethod
    def _named(self) -> list[tuple[str, Any]]:
        """The parts and their names, once they are checked."""

    @property
    def environment(self) -> dict[str, str]:
        """What the digest depends on beside rows, schema, hyperparameters and key; empty where it is portable."""
        return {name: value for part in self._fitted().parts for name, value in part.environment.items()}

    def prepare(self) -> None:
        """Do what each part does once."""
        for _, part in self._named:
            part.prepare()

    def to_parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return the records as they came, and each part's own parts under its number. Personal data."""
        check_is_fitted(self)
        meta, arrays = super().to_parts()
        parts = [part.to_parts() for part in self.state_.parts]
        theirs = {f"{number} {name}": own for number, (_, each) in enumerate(parts) for name, own in each.items()}
        return meta | {"parts": [own for own, _ in parts]}, arrays | theirs

    def _parts_of(self, meta: dict[str, Any], arrays: Arrays) -> tuple[Any, ...]:
        """Take up each part as it was saved."""
        parts = []
        for number, ((_, part), own) in enumerate(zip(self._named, meta["parts"], strict=True)):
            prefix = f"{number} "
            theirs = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
            parts.append(self._fresh(part))
            parts[-1].restore(own, theirs)
        return tuple(parts)

    def _fresh(self, part: Any) -> Any:
        return clone(part).set_params(key=self.key)

    def _plain_parts(self) -> dict[str, Scalar]:
        """Return the class name of each part, and its hyperparameters as ``name__param``."""
        found: dict[str, Scalar] = {}
        for name, part in self._named:
            found |= {name: type(part).__name__} | prefixed(name, part.plain_params())
        return found

    def _hyperparameters(self) -> dict[str, str]:
        plain = self.plain_params()
        return {name: to_text(value) for name, value in plain.items() if not name.endswith("n_jobs")}

    def _check_parameters(self) -> None:
        _ = self._named

    @property
    def _portable_parts(self) -> bool:
        return all(part.guarantee == Exact("portable") for _, part in self._named)


def parts_from(params: Mapping[str, Scalar], names: Sequence[str]) -> list[Any]:
    """Make the parts from what a composition's `plain_params` returned, without what is the composition's own.

    Raises
    ------
    InputError
        Where a part has no class, or one that takes other hyperparameters, and for those of no part.
    NotFoundError
        Where no learner of such a class is registered.
    """
    if alien := [param for param in params if param.partition("__")[0] not in names]:
        raise InputError(f"hyperparameter {alien[0]!r} is of no step.", mend=f"Steps are: {', '.join(names)}.")
    return [_part_from(params, name) for name in names]


def _part_from(params: Mapping[str, Scalar], name: str) -> Any:
    prefix = f"{name}__"
    own = {param.removeprefix(prefix): value for param, value in params.items() if param.startswith(prefix)}
    if name not in params:
        raise InputError(
            f"of which class step {name!r} is, is not said.", mend=f"Give {name}=CLASS: StandardScaler or Ridge, say."
        )
    cls = learner_class(str(params[name]))
    try:
        return cls.from_plain(own, schema=None, key=None)
    except ExpungeError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        takes = sorted(set(cls._get_param_names()) - {"schema", "key"})
        raise InputError(f"step {name!r}: {error}.", mend=f"A {cls.__name__} takes {takes}.") from error


def check_named(found: list[tuple[str, Any]], reserved: tuple[str, ...]) -> None:
    """Refuse names that are none, and parts that are not Expunge's own."""
    names = [name for name, _ in found]
    if wrong := [name for name in names if names.count(name) > 1 or "__" in name or name in reserved]:
        raise InputError(f"{wrong[0]!r} is no name of a step.", mend="Give each its own, without '__'.")
    for name, part in found:
        if not isinstance(part, RowLearner):
            raise InputError(
                f"step {name!r} is {part!r}, which is none of Expunge's learners.",
                mend="Take one of expunge.learners.exact; Retrained(estimator) for an estimator of another library.",
            )
        if part.get_params(deep=False)["key"] is not None or part.get_params(deep=False)["schema"] is not None:
            raise InputError(f"step {name!r} has a key or a schema.", mend="Give it to the composition.")
