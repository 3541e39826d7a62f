"""What predicts: two files, no row (but in kinds that say so), no pickle; NumPy, and for boosters their library.

``model.json``   the kind, how to read a record (columns, words, classes) and what else the kind needs; canonical JSON;
                 names the other file's hash.
the body         what was learned, as the kind writes it: ``arrays.npz``, or a booster's own text.

Equal models have equal bytes, hence equal served digests (DESIGN section 1). A model that was read keeps the bytes
that it was read from.

Kinds are a fixed table: what a file names is looked up there and never imported.
"""

from __future__ import annotations

import hashlib
import json
import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, Self, cast

import numpy as np
import numpy.typing as npt

from expunge.domain.digest import canonical_json
from expunge.domain.schema import Kind
from expunge.errors import CorruptedError, InputError, NotFoundError
from expunge.learners.encoding.codes import Column
from expunge.learners.encoding.columns import Cells, Feature, raw_columns, read_cells
from expunge.learners.values import from_text

FORMAT: Final = 1
FACTS: Final = "model.json"
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "linear": "expunge.learners.served.linear:LinearModel",
        "head": "expunge.learners.served.head:HeadModel",
        "trees": "expunge.learners.served.trees:TreesModel",
        "tables": "expunge.learners.served.tables:TablesModel",
        "staged": "expunge.learners.served.staged:StagedModel",
        "forest": "expunge.learners.served.forest:ForestModel",
        "shards": "expunge.learners.served.shards:ShardsModel",
        "blend": "expunge.learners.served.blend:BlendModel",
        "neighbors": "expunge.learners.served.neighbors:NeighborsModel",
        "bayes": "expunge.learners.served.bayes:BayesModel",
        "network": "expunge.learners.served.network:NetworkModel",
        "pipeline": "expunge.learners.served.pipeline:PipelineModel",
        "lightgbm": "expunge.learners.served.boosters:LightGBMModel",
        "xgboost": "expunge.learners.served.boosters:XGBoostModel",
    }
)
"""Kind in ``model.json`` -> class."""
MEND: Final = "Restore it, or train the model again."

_LENGTHS: Final = struct.Struct("<II")


@dataclass(frozen=True)
class Signature:
    """What goes into a model, and what comes out.

    Parameters
    ----------
    columns : tuple of Column
        Features, in order.
    by_name : bool
        Whether a data frame's columns are picked by name (else they are taken as they stand).
    words : tuple of str or None
        Typed class labels, sorted as their values; None for regression.
    """

    columns: tuple[Column, ...]
    by_name: bool
    words: tuple[str, ...] | None

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Of each column, whether it is one of numbers; the others are of words."""
        return tuple(column.words is None for column in self.columns)

    @property
    def n_scores(self) -> int:
        """One score for regression and two classes, else one per class."""
        return 1 if self.words is None or len(self.words) == 2 else len(self.words)

    def read(self, X: Any) -> Cells:
        """Read a table that is to be predicted; cells, which were read already, are returned as they are.

        Raises
        ------
        InputError
            For a table of other columns, and for cells that cannot be read.
        """
        if isinstance(X, Cells):
            return X
        raw = raw_columns(X, [column.name for column in self.columns] if self.by_name else None)
        if len(raw.arrays) != len(self.columns):
            raise InputError(
                f"X has {len(raw.arrays)} features, but this model is expecting {len(self.columns)} features as input.",
                mend="Give the columns that it learned from.",
            )
        kinds = (Kind.NUMERIC if numeric else Kind.CATEGORICAL for numeric in self.numeric)
        features = [Feature(column.name, kind) for column, kind in zip(self.columns, kinds, strict=True)]
        return read_cells(features, raw.arrays)

    def to_dict(self) -> dict[str, Any]:
        """Return the form that stands in ``model.json``."""
        return {
            "columns": [column.to_dict() for column in self.columns],
            "by_name": self.by_name,
            "classes": None if self.words is None else list(self.words),
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote; KeyError, TypeError or ValueError where it is something else."""
        words = None if facts["classes"] is None else tuple(str(word) for word in facts["classes"])
        if words is not None:
            labels(words)
        return cls(tuple(Column.from_dict(column) for column in facts["columns"]), bool(facts["by_name"]), words)


class ServedModel(ABC):
    """The artefact that predicts. A subclass is a kind: it says how scores come from cells, and what is written.

    Attributes
    ----------
    kind : str
        Its name in ``model.json`` and `KINDS`.
    body_name : str
        Name of its other file; sorts before ``model.json``.
    signature : Signature
    """

    kind: ClassVar[str]
    body_name: ClassVar[str]
    signature: Signature

    @property
    def holds_rows(self) -> bool:
        """Whether it predicts from rows that it holds: then it is personal data, sealed, and never exported."""
        return False

    @abstractmethod
    def scores(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return raw scores: (n_rows, n_scores). For regression, the predicted numbers."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return what ``model.json`` says beyond kind and signature."""

    @abstractmethod
    def body(self) -> bytes:
        """Return the other file."""

    @classmethod
    @abstractmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `facts` and `body` wrote; KeyError, TypeError or ValueError where it is something else."""

    @cached_property
    def classes(self) -> npt.NDArray[Any] | None:
        """Class labels in order, or None for regression."""
        return None if self.signature.words is None else labels(self.signature.words)

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return scores.

        Parameters
        ----------
        X : DataFrame or array-like (n_rows, n_features)

        Returns
        -------
        ndarray of float64 (n_rows,), or (n_rows, n_classes) for three classes and more
            For two classes, above 0 speaks for the second.

        Raises
        ------
        InputError
            For regression, and for a table that cannot be read.
        """
        if self.classes is None:
            raise InputError("a regression model has no decision function.", mend="Use predict().")
        scores = self.scores(self.signature.read(X))
        return np.asarray(scores[:, 0] if scores.shape[1] == 1 else scores)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return a class label, or a number, per row: ndarray (n_rows,)."""
        scores = self.scores(self.signature.read(X))
        if self.classes is None:
            return scores[:, 0]
        chosen = (scores[:, 0] > 0).astype(np.intp) if scores.shape[1] == 1 else scores.argmax(axis=1)
        return np.asarray(self.classes[chosen])

    @cached_property
    def files(self) -> Mapping[str, bytes]:
        """The artefact: file name to bytes."""
        body = self.body()
        facts = {
            "format": FORMAT,
            "kind": self.kind,
            **self.signature.to_dict(),
            **self.facts(),
            _hash_name(self.body_name): hashlib.sha256(body).hexdigest(),
        }
        return {self.body_name: body, FACTS: canonical_json(facts)}

    def digest(self) -> str:
        """Return the served digest: SHA-256 over the artefact's files, 64 hex characters."""
        return _digest(self.files)

    def packed(self) -> bytes:
        """Return both files end to end: u32 lengths first, then the body, then ``model.json``."""
        contents = [self.files[name] for name in sorted(self.files)]
        return _LENGTHS.pack(*map(len, contents)) + b"".join(contents)

    def save(self, folder: Path | str) -> None:
        """Write the two files; the folder is made where it is missing."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for name, data in self.files.items():
            (place / name).write_bytes(data)

    @staticmethod
    def load(folder: Path | str) -> ServedModel:
        """Read what `save` wrote.

        Raises
        ------
        NotFoundError
            Where a file is missing.
        CorruptedError
            Where the files are not a model, or do not belong together.
        """
        return from_files(_files(folder))


def digest_of_files(folder: Path | str) -> str:
    """Return the served digest of a saved model, without loading it: equals `ServedModel.digest`."""
    return _digest(_files(folder))


def from_files(files: Mapping[str, bytes]) -> ServedModel:
    """Read a model from its files' bytes; CorruptedError where they are none."""
    facts = _json_object(files[FACTS])
    if facts.get("format") != FORMAT:
        raise CorruptedError(f"model.json has format {facts.get('format')!r}, not {FORMAT}.", mend=MEND)
    kind = _kind(facts)
    if kind.body_name not in files:
        raise CorruptedError(f"a model of kind {kind.kind!r} has a {kind.body_name}, not {sorted(files)}.", mend=MEND)
    body = files[kind.body_name]
    if facts.get(_hash_name(kind.body_name)) != hashlib.sha256(body).hexdigest():
        raise CorruptedError(f"{kind.body_name} is not the one that model.json names.", mend=MEND)
    try:
        model = kind.from_body(Signature.from_dict(facts), facts, body)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise CorruptedError(f"model.json does not describe a model ({error!r}).", mend=MEND) from error
    model.__dict__["files"] = {kind.body_name: body, FACTS: files[FACTS]}  # as cached_property does
    return model


def unpacked(content: bytes) -> ServedModel:
    """Read what `ServedModel.packed` wrote; CorruptedError where it is something else."""
    if len(content) < _LENGTHS.size or sum(_LENGTHS.unpack_from(content)) != len(content) - _LENGTHS.size:
        raise CorruptedError("these bytes are not a packed model.", mend=MEND)
    end = _LENGTHS.size + _LENGTHS.unpack_from(content)[0]
    body, facts = content[_LENGTHS.size : end], content[end:]
    return from_files({_kind(_json_object(facts)).body_name: body, FACTS: facts})


def labels(words: tuple[str, ...]) -> npt.NDArray[Any]:
    """Return class labels as an array of their own type.

    Examples
    --------
    >>> labels(("i:1", "i:2"))
    array([1, 2])
    """
    return np.array([from_text(word) for word in words])


def in_label_order(words: tuple[str, ...]) -> tuple[str, ...]:
    """Sort typed labels as their values sort.

    Raises
    ------
    InputError
        Where they are of different types.

    Examples
    --------
    >>> in_label_order(("i:10", "i:2"))
    ('i:2', 'i:10')
    """
    if len({word[0] for word in words}) > 1:
        shown = ", ".join(repr(from_text(word)) for word in words[:8])
        raise InputError(f"class labels are of several types: {shown}.", mend="Give all as text, or all as integers.")
    values: dict[Any, str] = {from_text(word): word for word in words}
    return tuple(values[value] for value in sorted(values))


def _kind(facts: Mapping[str, Any]) -> type[ServedModel]:
    """Return the class of a kind; a ``model.json`` that states none is of the first kind there was."""
    name = facts.get("kind", "linear")
    if not isinstance(name, str) or name not in KINDS:
        raise CorruptedError(f"model.json has kind {name!r}, not one of {sorted(KINDS)}.", mend=MEND)
    module, _, attribute = KINDS[name].partition(":")
    return cast("type[ServedModel]", getattr(import_module(module), attribute))


def _hash_name(body_name: str) -> str:
    return f"{body_name.partition('.')[0]}_sha256"


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptedError(f"model.json is not JSON ({error}).", mend=MEND) from error
    if not isinstance(facts, dict):
        raise CorruptedError(f"model.json is a {type(facts).__name__}, not an object.", mend=MEND)
    return facts


def _files(folder: Path | str) -> dict[str, bytes]:
    place = Path(folder)
    described = place / FACTS
    facts = _json_object(described.read_bytes()) if described.is_file() else {}
    names = (_kind(facts).body_name, FACTS)
    if absent := [name for name in names if not (place / name).is_file()]:
        raise NotFoundError(f"{place} holds no {' and no '.join(absent)}.", mend="Name the folder of a saved model.")
    return {name: (place / name).read_bytes() for name in names}


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256(b"expunge served digest v1\n")
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()
