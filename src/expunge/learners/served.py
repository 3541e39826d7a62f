"""What predicts: two files, no row, no pickle; NumPy alone is needed to load it and to predict.

``model.json``   how to encode a record: columns, ranges, words, classes; canonical JSON; names its arrays' hash.
``arrays.npz``   float64 ``coef`` (n_scores, width) and ``intercept`` (n_scores,); fixed dates, stored uncompressed.

Equal models have equal bytes, hence equal served digests (DESIGN section 1).
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from expunge.domain.digest import canonical_json
from expunge.domain.schema import Kind
from expunge.errors import CorruptedError, InputError, NotFoundError
from expunge.learners.encoding.codes import ENCODINGS, ONE, Bins, Column, Encoding, EncodingName
from expunge.learners.encoding.columns import Cells, Feature, raw_columns, read_cells
from expunge.learners.values import from_text

FORMAT: Final = 1
FILES: Final = ("arrays.npz", "model.json")
_MEND: Final = "Restore it, or train the model again."


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A linear score over encoded columns.

    Parameters
    ----------
    encoding_name : {"scaled", "bins"}
    encoding : Scaled or Bins
        Of the feature columns.
    by_name : bool
        Whether a data frame's columns are picked by name (else they are taken as they stand).
    words : tuple of str or None
        Typed class labels, sorted; None for regression.
    coef : ndarray of float64 (n_scores, width of the encoding)
    intercept : ndarray of float64 (n_scores,)
        One score for regression and two classes, else one per class.
    """

    encoding_name: EncodingName
    encoding: Encoding
    by_name: bool
    words: tuple[str, ...] | None
    coef: npt.NDArray[np.float64]
    intercept: npt.NDArray[np.float64]

    @cached_property
    def classes(self) -> npt.NDArray[Any] | None:
        """Class labels in order, or None for regression."""
        return None if self.words is None else labels(self.words)

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
        if self.words is None:
            raise InputError("a regression model has no decision function.", mend="Use predict().")
        return self._scores(X)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return a class label, or a number, per row: ndarray (n_rows,)."""
        scores = self._scores(X)
        if self.classes is None:
            return scores
        chosen = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        return np.asarray(self.classes[chosen])

    def _scores(self, X: Any) -> npt.NDArray[np.float64]:
        codes = self.encoding.encode(self._read(X))
        if isinstance(self.encoding, Bins):
            places = codes + self.encoding.offsets[:-1]
            scores = np.where(codes[None] < 0, 0.0, self.coef[:, places]).sum(axis=2).T
        else:
            scores = (codes / ONE) @ self.coef.T
        scores = scores + self.intercept
        return np.asarray(scores[:, 0] if len(self.intercept) == 1 else scores, dtype=np.float64)

    def _read(self, X: Any) -> Cells:
        columns = self.encoding.columns
        raw = raw_columns(X, [column.name for column in columns] if self.by_name else None)
        if len(raw.arrays) != len(columns):
            raise InputError(
                f"X has {len(raw.arrays)} features, but this model is expecting {len(columns)} features as input.",
                mend="Give the columns that it learned from.",
            )
        kinds = (Kind.NUMERIC if column.words is None else Kind.CATEGORICAL for column in columns)
        features = [Feature(column.name, kind) for column, kind in zip(columns, kinds, strict=True)]
        return read_cells(features, raw.arrays)

    @cached_property
    def files(self) -> Mapping[str, bytes]:
        """The artefact: file name to bytes."""
        arrays = _npz({"coef": self.coef, "intercept": self.intercept})
        facts = {
            "format": FORMAT,
            "encoding": self.encoding_name,
            "max_bins": self.encoding.max_bins,
            "columns": [column.to_dict() for column in self.encoding.columns],
            "by_name": self.by_name,
            "classes": None if self.words is None else list(self.words),
            "arrays_sha256": hashlib.sha256(arrays).hexdigest(),
        }
        return {"arrays.npz": arrays, "model.json": canonical_json(facts)}

    def digest(self) -> str:
        """Return the served digest: SHA-256 over the artefact's files, 64 hex characters."""
        return _digest(self.files)

    def save(self, folder: Path | str) -> None:
        """Write the two files; the folder is made where it is missing."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for name, data in self.files.items():
            (place / name).write_bytes(data)

    @classmethod
    def load(cls, folder: Path | str) -> ServedModel:
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
    facts = _json_object(files["model.json"])
    if facts.get("format") != FORMAT:
        raise CorruptedError(f"model.json has format {facts.get('format')!r}, not {FORMAT}.", mend=_MEND)
    if facts.get("arrays_sha256") != hashlib.sha256(files["arrays.npz"]).hexdigest():
        raise CorruptedError("arrays.npz is not the one that model.json names.", mend=_MEND)
    try:
        name: EncodingName = facts["encoding"]
        columns = tuple(Column.from_dict(column) for column in facts["columns"])
        encoding = ENCODINGS[name](columns, int(facts["max_bins"]))
        words = None if facts["classes"] is None else tuple(str(word) for word in facts["classes"])
        arrays = _arrays(files["arrays.npz"], ("coef", "intercept"))
        model = ServedModel(name, encoding, bool(facts["by_name"]), words, arrays["coef"], arrays["intercept"])
        n_scores = 1 if words is None or len(words) == 2 else len(words)
        if words is not None:
            labels(words)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptedError(f"model.json does not describe a model ({error!r}).", mend=_MEND) from error
    if model.coef.shape != (n_scores, int(encoding.offsets[-1])) or model.intercept.shape != (n_scores,):
        raise CorruptedError("the arrays do not fit the columns and classes.", mend=_MEND)
    return model


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


def _npz(arrays: Mapping[str, npt.NDArray[np.float64]]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            body = io.BytesIO()
            np.lib.format.write_array(body, np.ascontiguousarray(arrays[name], dtype="<f8"), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # zipfile would record the operating system
            archive.writestr(entry, body.getvalue())
    return target.getvalue()


def _arrays(data: bytes, names: tuple[str, ...]) -> dict[str, npt.NDArray[np.float64]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sorted(archive.namelist()) != sorted(f"{name}.npy" for name in names):
                raise CorruptedError(f"arrays.npz holds {archive.namelist()}, not {list(names)}.", mend=_MEND)
            return {name: _array(archive.read(f"{name}.npy")) for name in names}
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError) as error:
        raise CorruptedError(f"arrays.npz cannot be read ({error}).", mend=_MEND) from error


def _array(data: bytes) -> npt.NDArray[np.float64]:
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("unknown array version")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    body = data[stream.tell() :]
    if fortran or dtype != np.dtype("<f8") or len(body) != 8 * math.prod(shape):
        raise ValueError("not a little-endian float64 array of the size that it states")
    array = np.frombuffer(body, dtype="<f8").reshape(shape).astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError("a coefficient is not finite")
    return array


def _json_object(data: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptedError(f"model.json is not JSON ({error}).", mend=_MEND) from error
    if not isinstance(facts, dict):
        raise CorruptedError(f"model.json is a {type(facts).__name__}, not an object.", mend=_MEND)
    return facts


def _files(folder: Path | str) -> dict[str, bytes]:
    place = Path(folder)
    if absent := [name for name in FILES if not (place / name).is_file()]:
        raise NotFoundError(f"{place} holds no {' and no '.join(absent)}.", mend="Name the folder of a saved model.")
    return {name: (place / name).read_bytes() for name in FILES}


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256(b"expunge served digest v1\n")
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()
