"""Served models as ONNX: tables, forests and blends, for any runtime that speaks it.

A graph has an input per column, (n_rows, 1): float64 for numbers (NaN where missing), text or int64 for words (what is
not known counts as missing). For classes it gives ``label`` and ``probabilities``, for numbers ``variable``. Operators
are those of opset 18 and of ``ai.onnx.ml`` 3. Cells become bins in float64, by the operations of
`expunge._kernels.bins`: equal inputs get equal bins. What follows differs by rounding alone, a forest's sums being
float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge._kernels.tables import BINS, LARGEST, UNIT
from expunge.errors import InputError
from expunge.learners.encoding.adaptive import Binning, ruler
from expunge.learners.encoding.codes import Column
from expunge.learners.served.blend import BlendModel
from expunge.learners.served.forest import ForestModel
from expunge.learners.served.link import Link
from expunge.learners.served.model import ServedModel
from expunge.learners.served.staged import StagedModel
from expunge.learners.served.tables import TablesModel
from expunge.learners.values import from_text

OPSET: Final = 18
OPSET_ML: Final = 3

Exportable: TypeAlias = TablesModel | StagedModel | ForestModel | BlendModel


class _Graph:
    """Nodes that are being put together; each call returns the name of its output."""

    def __init__(self, names: Sequence[str]) -> None:
        from onnx import helper, numpy_helper  # noqa: PLC0415 (an extra: nothing else needs it)

        self._make, self._tensor = helper, numpy_helper
        self._own = "_"  # no column's name begins with it
        while any(name.startswith(self._own) for name in names):
            self._own += "_"
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any, dtype: Any) -> str:
        name = f"{self._own}c{len(self.constants)}"
        self.constants.append(self._tensor.from_array(np.asarray(value, dtype), name))
        return name

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = attributes.pop("output", f"{self._own}n{len(self.nodes)}")
        self.nodes.append(self._make.make_node(operator, list(inputs), [name], **attributes))
        return str(name)

    def double(self, value: Any) -> str:
        return self.constant(value, np.float64)


def to_onnx(model: ServedModel) -> bytes:
    """Return a model as ONNX.

    Parameters
    ----------
    model : ServedModel
        Of kind ``tables``, ``staged``, ``forest`` or ``blend``.

    Returns
    -------
    bytes
        A serialised ModelProto. As personal, or as little so, as the model.

    Raises
    ------
    InputError
        For a model of another kind, a column of words of several types, and where the package ``onnx`` is missing.

    Examples
    --------
    >>> from expunge.learners.exact import BoostingClassifier
    >>> model = BoostingClassifier(5).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]).serve()
    >>> len(to_onnx(model)) > 1000
    True
    """
    if not isinstance(model, TablesModel | StagedModel | ForestModel | BlendModel):
        raise InputError(f"a model of kind {model.kind!r} is not exported to ONNX.", mend="Take boosting or a forest.")
    names = [column.name for column in model.signature.columns]
    if taken := sorted({"label", "probabilities", "variable"} & set(names)):
        raise InputError(f"column {taken[0]!r} has the name of an output in ONNX.", mend="Rename it, and learn again.")
    try:
        graph = _Graph(names)
    except ImportError as error:
        raise InputError(f"ONNX needs a package ({error}).", mend="pip install 'expunge[onnx]'.") from error
    bins = [_bins(graph, name, *parts) for name, parts in _columns(model).items()]
    scores = _scores(graph, model, bins)
    if model.signature.words is None:
        graph.node("Identity", scores, output="variable")
    else:
        _label(graph, model, scores)
    return _packed(graph, model)


def _columns(model: Exportable) -> dict[str, tuple[Column, Binning, int]]:
    columns = model.signature.columns
    return {column.name: (column, model.binning, place) for place, column in enumerate(columns)}


def _bins(graph: _Graph, name: str, column: Column, binning: Binning, place: int) -> str:
    """Turn a column's cells into bins: int64 (n_rows,)."""
    last = int(binning.bins[place])
    flat = graph.node("Reshape", name, graph.constant([-1], np.int64))
    if column.words is not None:
        kind, keys = _keys(column)
        if not keys:  # nobody has a word: there is but the bin of missing cells
            ones = graph.node("ConstantOfShape", graph.node("Shape", flat))
            return graph.node("Cast", graph.node("Add", ones, graph.constant(last, np.float32)), to=7)
        known = {f"keys_{kind}s": keys, "values_int64s": binning.word_bins[place].tolist()}
        return graph.node("LabelEncoder", flat, default_int64=last, domain="ai.onnx.ml", **known)
    rule = ruler([column])
    low, high, step, size = (float(rule.low[0]), float(rule.high[0]), float(rule.step[0]), 1 << int(rule.bits[0]))
    at = graph.double([0.0])
    if size > 1:
        above = graph.node("Sub", graph.node("Clip", flat, graph.double(low), graph.double(high)), graph.double(low))
        if step > 0:
            at = graph.node("Round", graph.node("Div", above, graph.double(step)))
        else:
            share = graph.node("Div", above, graph.double(high - low))
            at = graph.node("Floor", graph.node("Mul", share, graph.double(size)))
        at = graph.node("Min", at, graph.double(size - 1))
    placed = graph.node("Where", graph.node("IsNaN", flat), graph.double([size]), at)
    edges = np.zeros(size + 1, np.int64)
    edges[binning.edges[place]] = 1
    table = np.append(np.cumsum(edges[:-1]), last)
    index = graph.node("Cast", placed, to=7)  # int64
    return graph.node("Gather", graph.constant(table, np.int64), index)


def _keys(column: Column) -> tuple[str, list[Any]]:
    """Return the type of a column's words, ``string`` or ``int64``, and the words."""
    values = [from_text(word) for word in column.words or ()]
    if all(isinstance(value, str) for value in values):
        return "string", values
    numbers = [int(value) for value in values if isinstance(value, int)]
    if len({type(value) for value in values}) == 1 and len(numbers) == len(values) and _fit(numbers):
        return "int64", numbers
    raise InputError(
        f"column {column.name!r} has words of several types, or beyond 64 bits.", mend="Give them as text."
    )


def _fit(numbers: Sequence[int]) -> bool:
    """Whether all fit 64 bits."""
    return all(-(2**63) <= number < 2**63 for number in numbers)


def _scores(graph: _Graph, model: Exportable, bins: Sequence[str]) -> str:
    """Return the scores that `ServedModel.scores` returns; for a forest of classes, all shares: (n_rows, n)."""
    if isinstance(model, TablesModel):
        return _linked(graph, _tables(graph, model.arrays, bins, model.link), model.link)
    if isinstance(model, StagedModel):
        return _linked(graph, _stages(graph, model.arrays, bins, model.link), model.link)
    if isinstance(model, ForestModel):
        return _linked(graph, _forest(graph, model.arrays, bins, numbers=model.link is not None), model.link)
    n_scores, parts = model.signature.n_scores, graph.double(model.parts)
    found = graph.double(np.zeros((1, n_scores)))
    if model.weights:
        sums = _tables(graph, model.arrays, bins, model.link)
        shaped = graph.node("Reshape", sums, graph.constant([-1, len(model.weights), n_scores], np.int64))
        weighed = graph.node("Mul", shaped, graph.double(np.array(model.weights).reshape(1, -1, 1)))
        found = graph.node("ReduceSum", weighed, graph.constant([1], np.int64), keepdims=0)
        if model.link is not None:
            chains = graph.double(model.parts - model.forest)
            found = graph.node("Mul", _linked(graph, graph.node("Div", found, chains), model.link), chains)
    if model.forest:
        told = _forest(graph, model.arrays, bins, numbers=model.of_leaves is not None)
        if model.of_leaves is not None:
            told = _linked(graph, told, model.of_leaves)
        else:
            one = graph.constant([1], np.int64)
            if n_scores == 1:
                told = graph.node("Slice", told, one, graph.constant([2], np.int64), one)
            share = graph.node("Clip", told, graph.double(1 / UNIT), graph.double(1 - 1 / UNIT))
            told = graph.node("Log", graph.node("Div", share, graph.node("Sub", graph.double(1.0), share)))
        found = graph.node("Add", found, graph.node("Mul", told, graph.double(model.forest)))
    return graph.node("Div", found, parts)


def _linked(graph: _Graph, scores: str, link: Link | None) -> str:
    if link is None:
        return scores
    form = graph.node("Exp", scores) if link.form == "log" else scores
    return graph.node("Add", graph.node("Mul", form, graph.double(link.scale)), graph.double(link.offset))


def _tables(graph: _Graph, arrays: Mapping[str, npt.NDArray[np.int64]], bins: Sequence[str], link: Link | None) -> str:
    """Return the sums of chains: float64 (n_rows, S), in natural units."""
    features, arity, maps, values = (arrays[name] for name in ("features", "arity", "maps", "values"))
    n_chains, rounds = arity.shape
    cells = graph.constant(np.arange(n_chains * rounds).reshape(1, -1) * BINS, np.int64)
    for feature, own in enumerate(bins):
        counts = (features == feature) & (np.arange(features.shape[2]) < arity[..., None])
        if counts.any():  # what a bin of this column adds to the number of the cell, in every round
            adds = (maps * counts[..., None]).sum(axis=2).reshape(-1, BINS).T
            cells = graph.node("Add", cells, graph.node("Gather", graph.constant(adds, np.int64), own, axis=0))
    steps = graph.node("Gather", graph.double(values.ravel()), cells)
    return _summed(graph, steps, np.abs(values).max(axis=2), arrays["starts"], link)


def _stages(graph: _Graph, arrays: Mapping[str, npt.NDArray[np.int64]], bins: Sequence[str], link: Link | None) -> str:
    """Return the sums of chains of trees: float64 (n_rows, S), in natural units."""
    nodes, starts = arrays["nodes"], arrays["tree_starts"]
    tree = np.searchsorted(starts.ravel(), np.arange(len(nodes)), "right") - 1
    leaf = nodes[:, 0] < 0
    steps = _ensemble(graph, nodes, starts.ravel(), bins, starts.size, tree[leaf, None], arrays["values"][leaf, None])
    largest = np.maximum.reduceat(np.abs(arrays["values"]), starts.ravel()).reshape(starts.shape)
    return _summed(graph, steps, largest, arrays["starts"], link)


def _summed(
    graph: _Graph, steps: str, largest: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], link: Link | None
) -> str:
    """Return the scores after all rounds from what each adds, (n_rows, S * T); `largest` is the most it may add."""
    (n_chains, rounds), most = largest.shape, LARGEST if link is None else link.highest
    shaped = graph.node("Reshape", steps, graph.constant([-1, n_chains, rounds], np.int64))
    if (largest.sum(axis=1) + np.abs(starts)).max() <= most:
        summed = graph.node("ReduceSum", shaped, graph.constant([2], np.int64), keepdims=0)
        summed = graph.node("Add", summed, graph.double(starts))
    else:  # a score might be cut off on its way: round by round
        summed = graph.double(starts)
        for turn in range(rounds):
            own = graph.node("Gather", shaped, graph.constant(turn, np.int64), axis=2)
            moved = graph.node("Add", summed, own)
            summed = graph.node("Clip", moved, graph.double(-LARGEST), graph.double(most))
    return graph.node("Div", summed, graph.double(UNIT))


def _forest(graph: _Graph, arrays: Mapping[str, npt.NDArray[np.int64]], bins: Sequence[str], *, numbers: bool) -> str:
    """Return the means over trees: float64 (n_rows, n_classes), or (n_rows, 1) for numbers."""
    nodes, classes, starts = arrays["nodes"], arrays["classes"].astype(np.float64), arrays["tree_starts"]
    held = np.maximum(classes[:, :1] if numbers else classes.sum(axis=1, keepdims=True), 1)
    told = (classes[:, 1:] if numbers else classes) / held / len(starts)
    scale = max(float(np.abs(told).max()), 1e-300) if numbers else 1.0
    leaf = nodes[:, 0] < 0
    targets = np.tile(np.arange(told.shape[1]), (int(leaf.sum()), 1))
    summed = _ensemble(graph, nodes, starts, bins, told.shape[1], targets, told[leaf] / scale)
    return graph.node("Mul", summed, graph.double(scale))


def _ensemble(
    graph: _Graph,
    nodes: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    bins: Sequence[str],
    n_targets: int,
    targets: npt.NDArray[np.int64],
    weights: npt.NDArray[np.generic],
) -> str:
    """Return what each row's leaves add to targets, as float64 that were float32: (n_rows, n_targets).

    `targets` and `weights` (n_leaves, n) say of each leaf to which it adds what.
    """
    tree = np.searchsorted(starts, np.arange(len(nodes)), "right") - 1
    own = np.arange(len(nodes)) - starts[tree]
    leaf = nodes[:, 0] < 0
    places = np.flatnonzero(leaf).repeat(targets.shape[1])
    one = graph.constant([-1, 1], np.int64)
    columns = [graph.node("Cast", graph.node("Reshape", each, one), to=1) for each in bins]
    summed = graph.node(
        "TreeEnsembleRegressor",
        graph.node("Concat", *columns, axis=1),
        domain="ai.onnx.ml",
        n_targets=n_targets,
        nodes_treeids=tree.tolist(),
        nodes_nodeids=own.tolist(),
        nodes_featureids=np.maximum(nodes[:, 0], 0).tolist(),
        nodes_modes=["LEAF" if one else "BRANCH_LEQ" for one in leaf],
        nodes_values=nodes[:, 1].astype(float).tolist(),
        nodes_truenodeids=np.where(leaf, 0, own + 1).tolist(),
        nodes_falsenodeids=np.where(leaf, 0, own + nodes[:, 2]).tolist(),
        target_treeids=tree[places].tolist(),
        target_nodeids=own[places].tolist(),
        target_ids=targets.ravel().tolist(),
        target_weights=weights.ravel().astype(float).tolist(),
    )
    return graph.node("Cast", summed, to=11)


def _label(graph: _Graph, model: Exportable, scores: str) -> None:
    """Give ``probabilities`` and ``label``."""
    values = [from_text(word) for word in model.signature.words or ()]
    texts = all(isinstance(value, str) for value in values)
    if not texts and not _fit([int(value or 0) for value in values]):
        raise InputError("classes beyond 64 bits are not exported to ONNX.", mend="Give them as text.")
    if isinstance(model, ForestModel):
        each = graph.node("Identity", scores, output="probabilities")
        chosen = graph.node("ArgMax", each, axis=1, keepdims=0)
    else:
        each = graph.node("Sigmoid", scores)
        chosen = graph.node("ArgMax", scores, axis=1, keepdims=0)
        if model.signature.n_scores == 1:
            graph.node("Concat", graph.node("Sub", graph.double(1.0), each), each, axis=1, output="probabilities")
            above = graph.node("Cast", graph.node("Greater", scores, graph.double(0.0)), to=7)
            chosen = graph.node("Reshape", above, graph.constant([-1], np.int64))
        elif isinstance(model, TablesModel) and model.softmax:
            graph.node("Softmax", scores, axis=1, output="probabilities")
        else:
            whole = graph.node("ReduceSum", each, graph.constant([1], np.int64), keepdims=1)
            graph.node("Div", each, whole, output="probabilities")
    classes = graph.constant(values, object if texts else np.int64)
    graph.node("Gather", classes, chosen, output="label")


def _packed(graph: _Graph, model: Exportable) -> bytes:
    from onnx import TensorProto, checker, helper  # noqa: PLC0415

    kinds = {"string": TensorProto.STRING, "int64": TensorProto.INT64}
    inputs = [
        helper.make_tensor_value_info(
            column.name, TensorProto.DOUBLE if column.words is None else kinds[_keys(column)[0]], [None, 1]
        )
        for column in model.signature.columns
    ]
    words = model.signature.words
    if words is None:
        outputs = [helper.make_tensor_value_info("variable", TensorProto.DOUBLE, [None, 1])]
    else:
        texts = all(isinstance(from_text(word), str) for word in words)
        kind = TensorProto.STRING if texts else TensorProto.INT64
        outputs = [
            helper.make_tensor_value_info("label", kind, [None]),
            helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, [None, len(words)]),
        ]
    made = helper.make_model(
        helper.make_graph(graph.nodes, "expunge", inputs, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)],
        ir_version=9,
        producer_name="expunge",
    )
    checker.check_model(made)
    return bytes(made.SerializeToString())
