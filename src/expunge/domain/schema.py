"""What is known about a table before anyone looks at its values.

A **declared** fact was stated by a person (given at import, or confirmed later); it is not learned, and stays when a
person leaves. An **inferred** fact was read off the values: it is state, and is read again from the remaining rows
when someone leaves (DESIGN promise 4).

Invariants
----------
- Column names are unique; exactly one column is the subject, at most one the target.
- `Column.inferred` names exactly the facts that nobody stated.
- Only numeric columns carry a range and a resolution; ``low < high`` and ``resolution > 0``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from expunge.domain.subject import SubjectKind
from expunge.errors import SchemaError

FACTS: Final = ("role", "kind", "range", "resolution")


class Role(StrEnum):
    """What a column is there for."""

    SUBJECT = "subject"
    TARGET = "target"
    FEATURE = "feature"
    DIRECT_IDENTIFIER = "direct-identifier"
    QUASI_IDENTIFIER = "quasi-identifier"
    SENSITIVE = "sensitive"
    FREE_TEXT = "free-text"
    IGNORED = "ignored"


LEARNED_FROM: Final = frozenset({Role.FEATURE, Role.QUASI_IDENTIFIER, Role.SENSITIVE})
"""Roles whose columns models learn from. Direct identifiers and free text never reach a model."""


class Kind(StrEnum):
    """How a column's cells are read. The subject column's kind is `Schema.subject_kind`."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    TEXT = "text"


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    name : str
    role : Role
    kind : Kind
    low, high : float or None
        Range of a numeric column, both or neither; None where it is not known.
    resolution : float or None
        Smallest magnitude that matters in a numeric column; 1 for whole numbers; None means range/2**16.
    inferred : tuple of str
        Which of `FACTS` were read off the values rather than declared.

    Examples
    --------
    >>> age = Column("age", Role.FEATURE, Kind.NUMERIC, 0.0, 120.0, 1.0)
    >>> age.declares("range")
    True
    """

    name: str
    role: Role
    kind: Kind
    low: float | None = None
    high: float | None = None
    resolution: float | None = None
    inferred: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if not self.name:
            raise SchemaError("a column has no name.", mend="Name every column.")
        if unknown := set(self.inferred) - set(FACTS):
            raise SchemaError(f"column {self.name!r}: no such facts {sorted(unknown)}.", mend=f"Facts are {FACTS}.")
        object.__setattr__(self, "inferred", tuple(fact for fact in FACTS if fact in self.inferred))
        if (self.low is None) != (self.high is None):
            raise SchemaError(f"column {self.name!r} has half a range.", mend="Give both ends, as LO:HI.")
        if self.low is not None and self.high is not None:
            if self.kind is not Kind.NUMERIC:
                raise SchemaError(f"column {self.name!r} is {self.kind} and has a range.", mend="Drop the range.")
            if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
                raise SchemaError(
                    f"column {self.name!r}: range {self.low:g}:{self.high:g} is not LO < HI, both finite.",
                    mend="Give the lower end first.",
                )
        if self.resolution is not None and not (math.isfinite(self.resolution) and self.resolution > 0):
            raise SchemaError(
                f"column {self.name!r}: resolution {self.resolution!r} is not above 0.", mend="Give one above 0."
            )

    def declares(self, fact: str) -> bool:
        """Whether a person stated this fact."""
        return fact not in self.inferred

    def to_dict(self) -> dict[str, Any]:
        """Return the canonical form (floats as their shortest decimal strings)."""
        return {
            "name": self.name,
            "role": self.role.value,
            "kind": self.kind.value,
            "low": _text(self.low),
            "high": _text(self.high),
            "resolution": _text(self.resolution),
            "inferred": list(self.inferred),
        }

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Column:
        """Read what `to_dict` wrote."""
        return cls(
            name=value["name"],
            role=Role(value["role"]),
            kind=Kind(value["kind"]),
            low=_number(value["low"]),
            high=_number(value["high"]),
            resolution=_number(value["resolution"]),
            inferred=tuple(value["inferred"]),
        )


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order, and the kind of its subject ids."""

    columns: tuple[Column, ...]
    subject_kind: SubjectKind

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        names = [column.name for column in self.columns]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SchemaError(f"columns {twice} stand twice.", mend="Give every column its own name.")
        if len(subjects := self.with_role(Role.SUBJECT)) != 1:
            raise SchemaError(
                f"{len(subjects)} columns have the role subject.", mend="Name exactly one, with --subject COL."
            )
        if len(targets := self.with_role(Role.TARGET)) > 1:
            raise SchemaError(
                f"{len(targets)} columns have the role target.", mend="Name at most one, with --target COL."
            )

    def __getitem__(self, name: str) -> Column:
        """Return the column of this name."""
        for column in self.columns:
            if column.name == name:
                return column
        known = ", ".join(column.name for column in self.columns)
        raise SchemaError(f"there is no column {name!r}.", mend=f"Columns are: {known}.")

    def with_role(self, *roles: Role) -> tuple[Column, ...]:
        """Return the columns with one of these roles, in order."""
        return tuple(column for column in self.columns if column.role in roles)

    @property
    def subject(self) -> Column:
        """The subject column."""
        return self.with_role(Role.SUBJECT)[0]

    @property
    def target(self) -> Column | None:
        """The target column, if there is one."""
        return next(iter(self.with_role(Role.TARGET)), None)

    @property
    def features(self) -> tuple[Column, ...]:
        """Columns that models learn from, in order."""
        return self.with_role(*LEARNED_FROM)

    @property
    def inferred(self) -> tuple[tuple[str, str], ...]:
        """Every (column, fact) that nobody declared yet."""
        return tuple((column.name, fact) for column in self.columns for fact in column.inferred)

    def replace(self, columns: Iterable[Column]) -> Schema:
        """Return a schema with other columns and the same kind of subjects."""
        return replace(self, columns=tuple(columns))

    def to_dict(self) -> dict[str, Any]:
        """Return the canonical form."""
        return {"subject_kind": self.subject_kind, "columns": [column.to_dict() for column in self.columns]}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Schema:
        """Read what `to_dict` wrote."""
        return cls(tuple(Column.from_dict(column) for column in value["columns"]), value["subject_kind"])


def _text(number: float | None) -> str | None:
    return None if number is None else repr(float(number))


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)
