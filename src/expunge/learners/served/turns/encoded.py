"""Turns that begin with an encoding: numbers come out, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from expunge.learners.encoding.codes import ENCODINGS, ONE, Column, Encoding, Scaled, encoding_name
from expunge.learners.encoding.columns import Cells, Numbers
from expunge.learners.served.turns.base import Arrays, Kinds, Turn, check, of_numbers, tidied


@dataclass(frozen=True, eq=False)
class Encode(Turn):
    """The codes of an encoding.

    Parameters
    ----------
    encoding : Encoding
    """

    name: ClassVar[str] = "encode"

    encoding: Encoding

    def turned(self, cells: Cells) -> Cells:
        """Encode rows."""
        return of_numbers(self.encoding.encode(cells).astype(np.float64))

    def after(self, kinds: Kinds) -> Kinds:
        """Return a column per code."""
        check(kinds == _kinds(self.encoding), "an encoding of other columns")
        bins = encoding_name(self.encoding) == "bins"
        return (True,) * (len(kinds) if bins else int(self.encoding.offsets[-1]))

    def facts(self) -> dict[str, Any]:
        """Return all of it."""
        named = {"encoding": encoding_name(self.encoding), "max_bins": self.encoding.max_bins}
        return {"columns": _listed(self.encoding), **named}

    @classmethod
    def from_parts(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """Read what `facts` returned."""
        del arrays
        check(type(facts["max_bins"]) is int and facts["max_bins"] >= 2, "too few bins")
        return cls(ENCODINGS[facts["encoding"]](_columns(facts), facts["max_bins"]))


@dataclass(frozen=True, eq=False)
class Project(Turn):
    """How far scaled places, less their mean, reach in some directions.

    Parameters
    ----------
    encoding : Scaled
    directions : ndarray of float64 (n_directions, width of the encoding)
    mean : ndarray of float64 (width,)
    scales : ndarray of float64 (n_directions,)
    """

    name: ClassVar[str] = "project"

    encoding: Encoding
    directions: Numbers
    mean: Numbers
    scales: Numbers

    def turned(self, cells: Cells) -> Cells:
        """Project rows."""
        places = self.encoding.encode(cells) / ONE
        return of_numbers(tidied((places - self.mean) @ self.directions.T / self.scales))

    def after(self, kinds: Kinds) -> Kinds:
        """Return a column per direction."""
        check(kinds == _kinds(self.encoding), "an encoding of other columns")
        return (True,) * len(self.scales)

    def facts(self) -> dict[str, Any]:
        """Return the columns."""
        return {"columns": _listed(self.encoding)}

    def arrays(self) -> Arrays:
        """Return the numbers."""
        return {"directions": self.directions, "mean": self.mean, "scales": self.scales}

    @classmethod
    def from_parts(cls, facts: Mapping[str, Any], arrays: Arrays) -> Self:
        """Read what `facts` and `arrays` returned."""
        found = cls(Scaled(_columns(facts), 2), *(arrays[name] for name in ("directions", "mean", "scales")))
        width, n_directions = int(found.encoding.offsets[-1]), len(found.directions)
        shapes = (found.directions.shape, found.mean.shape, found.scales.shape)
        check(shapes == ((n_directions, width), (width,), (n_directions,)), "arrays of other shapes")
        check(all(np.isfinite(own).all() for own in found.arrays().values()), "a number that is not finite")
        check((found.scales > 0).all(), "a scale that is none")
        return found


def _kinds(encoding: Encoding) -> Kinds:
    return tuple(column.words is None for column in encoding.columns)


def _listed(encoding: Encoding) -> list[dict[str, Any]]:
    return [column.to_dict() for column in encoding.columns]


def _columns(facts: Mapping[str, Any]) -> tuple[Column, ...]:
    return tuple(Column.from_dict(column) for column in facts["columns"])
