"""A network that forgets by one of the methods: the learner contract, under an Empirical guarantee.

Invariants
----------
- Those of `expunge.learners.exact.rows`: rows are kept by subject, and the state is replaced whole.
- A fit is a function of (records, schema, hyperparameters, key) in one environment. After forgetting it is not: what is
  left of a person in the weights is measured, never claimed to be nothing.
- Encoders never hold who left: where a range, a category or a class moves with them, the network is fitted anew.
- Steps of training are kept only for a method that takes them back; those of who leaves go with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils.validation import check_is_fitted

from expunge.domain.digest import learned_digest
from expunge.domain.guarantee import Empirical, Guarantee
from expunge.domain.schema import Schema
from expunge.errors import InputError
from expunge.learners import recipes
from expunge.learners.base import Arrays
from expunge.learners.empirical.history import History, Recorder, parted
from expunge.learners.empirical.method import Method
from expunge.learners.empirical.methods import create
from expunge.learners.encoding.codes import Column, learn_columns
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.exact.adapters.environment import environment
from expunge.learners.exact.bounds import at_least
from expunge.learners.exact.predictor import Classifier
from expunge.learners.exact.records import Records
from expunge.learners.exact.rows import RowState
from expunge.learners.exact.wrapped import keyed_ranks, prefixed, rows_of, seed_of
from expunge.learners.served import ServedModel, unpacked
from expunge.learners.served.network import EXTRA, MODULE, NetworkModel, encoded, n_inputs, n_outputs, places
from expunge.learners.training import Batches, pinned, train
from expunge.learners.values import Scalar, to_text

FORMAT: Final = 1
METHOD: Final = "method"
MEASURED: Final = "as far as the checks beside it tell"


@dataclass(frozen=True, eq=False)
class TorchState(RowState):
    """All that a fit produces.

    Parameters
    ----------
    model : NetworkModel
        What was learned, in the form that predicts.
    n_forgets : int
        How often somebody left since it was fitted.
    history : History or None
        Steps of training, for a method that takes them back; subjects as `records` has them.
    environment : dict of str to str
        In which it was learned.
    """

    model: NetworkModel
    n_forgets: int
    history: History | None
    environment: dict[str, str]


class TorchClassifier(Classifier):
    """A network of PyTorch that forgets by gradients, distillation, dampening or pruning: fast, and without proof.

    Columns are encoded as for `expunge.learners.networks.NetworkClassifier`.

    Parameters
    ----------
    recipe : str
        Name of a `expunge.learners.recipes.Recipe`: module, loss and optimiser.
    method : str or Method
        How it forgets: a name (`expunge.learners.empirical.METHODS`), or a method with hyperparameters.
    epochs : int
    batch_size : int
        Rows of a batch, in training and in forgetting.
    random_state : int
        What weights, orders and all that a method draws are drawn by, with `key`.
    device : str
        Where it learns and forgets: ``cpu``, or ``cuda``; elsewhere than on the processor results may vary.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes.
    key : bytes or None
        32 bytes, from which the order of rows and the seeds are derived.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
    state_ : TorchState
        Personal data.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> learner = TorchClassifier(method="neggrad", epochs=3).fit(X, X[:, 0] > 0)
    >>> learner.forget([7, 9]).subjects
    2
    >>> str(learner.guarantee)
    'Empirical (influence reduced: as far as the checks beside it tell)'
    """

    forgets = "unlearned approximately"

    def __init__(
        self,
        recipe: str = "perceptron",
        *,
        method: str | Method = "neggrad",
        epochs: int = 20,
        batch_size: int = 128,
        random_state: int = 0,
        device: str = "cpu",
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.recipe = recipe
        self.method = method
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state
        self.device = device
        self.schema = schema
        self.key = key

    @property
    def guarantee(self) -> Guarantee:
        """Empirical: influence is reduced, by as much as is measured."""
        return Empirical(MEASURED)

    @property
    def environment(self) -> dict[str, str]:
        """In which environment it learned."""
        return dict(self._fitted().environment)

    def expected_share(self, n_leaving: int) -> float | None:
        """Return what a method's passes are of the fit's."""
        del n_leaving
        passes = self._method().hyperparameters().get("epochs", 1)
        return min(1.0, 1.5 * float(passes or 1) / self.epochs)

    def digest(self) -> str:
        """Return the learned digest: over hyperparameters, declared facts, and the network's arrays (64 hex)."""
        check_is_fitted(self)
        state: TorchState = self.state_
        meta = {
            "format": FORMAT,
            "learner": type(self).__name__,
            "hyperparameters": state.hyperparameters,
            "features": [feature.to_dict() for feature in state.features],
        }
        return learned_digest(meta, ((name, (len(data),), data) for name, data in sorted(state.model.files.items())))

    def to_parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return records, declared facts, what was learned, and steps of training where kept. Personal data."""
        meta, arrays = super().to_parts()
        state: TorchState = self.state_
        kept = {} if state.history is None else state.history.to_arrays()
        model = np.frombuffer(state.model.packed(), dtype=np.uint8)
        return meta | {"environment": state.environment, "n_forgets": state.n_forgets}, arrays | kept | {"model": model}

    def plain_params(self) -> dict[str, Scalar]:
        """Return the hyperparameters, those of the method as ``method__name``."""
        method = self._method()
        own = {name: value for name, value in super().plain_params().items() if name != METHOD}
        return own | {METHOD: method.name} | prefixed(METHOD, method.hyperparameters())

    @classmethod
    def from_plain(cls, params: Mapping[str, Scalar], *, schema: Schema | None, key: bytes | None) -> Self:
        """Make one from what `plain_params` returned."""
        prefix = f"{METHOD}__"
        of_method = {name.removeprefix(prefix): value for name, value in params.items() if name.startswith(prefix)}
        own: dict[str, Any] = {name: value for name, value in params.items() if not name.startswith(METHOD)}
        return cls(**own, method=create(str(params[METHOD]), **of_method), schema=schema, key=key)

    def _method(self) -> Method:
        return self.method if isinstance(self.method, Method) else create(str(self.method))

    def _hyperparameters(self) -> dict[str, str]:
        return {name: to_text(value) for name, value in self.plain_params().items()}

    def _check_parameters(self) -> None:
        recipes.find(self.recipe)
        self._method()
        for name in ("epochs", "batch_size"):
            at_least(name, getattr(self, name), 1)
        at_least("random_state", self.random_state, 0)
        try:
            torch.device(self.device)
        except RuntimeError as error:
            raise InputError(f"device={self.device!r} is none.", mend="Give 'cpu' or 'cuda'.") from error

    def _derived(self, features: tuple[Feature, ...], named: bool, records: Records, started: float) -> TorchState:
        records = records.canonical()
        base = RowState(self.task, self._hyperparameters(), features, named, records, 0.0)
        model, history = self._fit(base)
        seconds = (perf_counter() - started) / len(records)
        where = environment(EXTRA)
        return TorchState(**base.__dict__ | {"seconds_per_record": seconds}, **_learned(model, 0, history, where))

    def _fit(self, state: RowState) -> tuple[NetworkModel, History | None]:
        recipe, cells, owners = recipes.find(self.recipe), *self._in_order(state.records)
        columns = learn_columns(state.inputs, cells)
        rows = rows_of(columns, cells, of_classes=True, named=state.named)
        signature = rows.signature(columns)
        X, y = (torch.from_numpy(one).to(self.device) for one in (encoded(columns, cells), rows.target))
        try:
            with pinned(seed_of(state.hyperparameters, self.key)):
                module = recipe.module(n_inputs(columns), n_outputs(signature)).to(self.device)
                kept = Recorder(module, owners, len(state.records.subjects)) if self._method().needs_steps else None
                optimizer, noted = recipe.optimizer(module.parameters()), kept.note if kept else _not_noted
                train(module, optimizer, recipe.loss, (X, y), self.epochs, self.batch_size, noted)
        except RuntimeError as error:
            raise InputError(
                f"recipe {recipe.name!r} cannot learn from these rows: {error}", mend="Take another recipe, or rows."
            ) from error
        model = NetworkModel(signature, recipe.name, _arrays(module))
        return model, None if kept is None else kept.history()

    def _in_order(self, records: Records) -> tuple[Cells, npt.NDArray[np.intp]]:
        """Return the rows sorted by keyed hash of the subject, and each one's subject, by its place in the records."""
        owners = np.repeat(np.arange(len(records.subjects)), records.counts)
        order = np.argsort(keyed_ranks(records.subjects, self.key)[owners], kind="stable")
        return records.cells.take(order), owners[order]

    def _downdated(
        self, before: TorchState, records: Records, leaving: Cells, rows: npt.NDArray[np.int32]
    ) -> tuple[TorchState, dict[str, int]]:
        del leaving
        old, leaves = before.records, np.isin(before.records.rows, rows)
        columns = learn_columns(before.inputs, records.cells)
        if _moved(before.model.signature.columns, columns):
            after = self._derived(before.features, before.named, records, perf_counter())
            return after, {"refits": 1}
        owners = np.repeat(np.arange(len(old.subjects)), old.counts)
        people = set(owners[leaves].tolist())
        model = self._forgotten(before, columns, leaves, people)
        history = None if before.history is None else before.history.without(people)
        facts = before.__dict__ | {"records": records}
        facts.pop("served", None)
        return TorchState(**facts | _learned(model, before.n_forgets + 1, history, before.environment)), {"refits": 0}

    def _forgotten(
        self, before: TorchState, columns: tuple[Column, ...], leaves: npt.NDArray[np.bool_], people: set[int]
    ) -> NetworkModel:
        """Run the method on the rows of those who leave and those who stay."""
        cells, recipe, signature = before.records.cells, recipes.find(self.recipe), before.model.signature
        target = rows_of(columns, cells, of_classes=True, named=before.named).target
        X, y = torch.from_numpy(encoded(signature.columns, cells)), torch.from_numpy(target)
        with pinned(0):
            module = recipe.module(n_inputs(signature.columns), n_outputs(signature)).to(self.device)
        module.load_state_dict(before.model.state(MODULE))
        steps = None if before.history is None else parted(module, before.history.taken(people))
        forget, retain = (
            Batches(X[where], y[where], self.batch_size)
            for where in (torch.from_numpy(leaves), ~torch.from_numpy(leaves))
        )
        seed = seed_of(before.hyperparameters, self.key, f" forget {before.n_forgets}")
        changed = self._method().forget(module, forget, retain, loss=recipe.loss, seed=seed, steps=steps)
        return replace(before.model, arrays=_arrays(changed))

    def _resumed(self, rows: tuple[Any, ...], meta: dict[str, Any], arrays: Arrays) -> TorchState:
        """Take up the network as it was saved: a refit would be another."""
        features, named, records, started = rows
        records, model = records.canonical(), unpacked(arrays["model"].tobytes())
        if not isinstance(model, NetworkModel):
            raise TypeError("the model is no network")
        history = History.from_arrays(arrays, len(records.subjects)) if self._method().needs_steps else None
        where = {str(name): str(value) for name, value in dict(meta["environment"]).items()}
        seconds = (perf_counter() - started) / len(records)
        base = RowState(self.task, self._hyperparameters(), features, named, records, seconds)
        return TorchState(**base.__dict__, **_learned(model, int(meta["n_forgets"]), history, where))

    def _made(self, state: TorchState) -> ServedModel:
        return state.model


def _learned(model: NetworkModel, n_forgets: int, history: History | None, where: dict[str, str]) -> dict[str, Any]:
    return {"model": model, "n_forgets": n_forgets, "history": history, "environment": where}


def _moved(before: tuple[Column, ...], after: tuple[Column, ...]) -> bool:
    """Tell whether what encodes the columns is another: an input went, or a range moved."""
    return places(before) != places(after) or [(one.low, one.high) for one in before] != [
        (one.low, one.high) for one in after
    ]


def _not_noted(_batch: Any) -> None:
    pass


def _arrays(module: Any) -> dict[str, npt.NDArray[np.float64]]:
    found = {f"{MODULE}{name}": one.detach().cpu().double().numpy() for name, one in module.state_dict().items()}
    if not all(np.isfinite(one).all() for one in found.values()):
        raise InputError("a weight is not finite; it diverged.", mend="Take a recipe with a lower rate.")
    return found
