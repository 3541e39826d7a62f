"""A data frame becomes people with quasi-identifiers and sensitive columns; what cannot be published is refused.

Invariants
----------
- A value has one spelling, whatever the cells look like: numbers by their value, text without outer or double spaces,
  composed (NFC), and in one case. How a cell was typed is no trace of its row.
- Codes depend on the set of values, not on where they stand.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from expunge.errors import InputError
from expunge.privacy.columns import SEPARATOR, Grouped, Nested, Ordered, Quasi, marks, spelled
from expunge.privacy.hierarchy import MISSING, Codes, Hierarchy
from expunge.privacy.mondrian import People
from expunge.privacy.rules import Sensitive

MANY: Final = 20
"""From so many people on, a column in which most have a value of their own is refused."""


def read_people(
    frame: pd.DataFrame,
    owners: Codes,
    quasi: Sequence[str],
    sensitive: Sequence[str],
    hierarchies: Mapping[str, Hierarchy],
    orders: Mapping[str, Sequence[str]],
) -> People:
    """Code the columns.

    Parameters
    ----------
    frame : DataFrame
        Numbers, or text; missing cells as pandas has them.
    owners : ndarray of int64, (n_rows,)
        0 to n_people - 1.
    hierarchies, orders : mapping by quasi-identifier
        A hierarchy, or all categories in order.

    Raises
    ------
    InputError
        For columns that cannot be what they are said to be.
    """
    _check_names(frame, quasi, sensitive, (*hierarchies, *orders))
    n = int(owners.max()) + 1
    kinds: dict[str, Hierarchy | Sequence[str]] = {**hierarchies, **orders}
    return People(
        n,
        [_quasi(frame[name], owners, n, kinds.get(name)) for name in quasi],
        [_sensitive(frame[name], owners, n) for name in sensitive],
    )


def held_by_one(column: Sensitive, n_people: int) -> int:
    """Return how many people have a value that nobody else has."""
    owners, codes = column.countings[-1]
    alone = np.bincount(codes, minlength=len(column.values)) == 1
    return len(np.unique(owners[alone[codes]])) if n_people > 1 else 0


def number_text(value: float) -> str:
    """Spell a number one way.

    Examples
    --------
    >>> number_text(30.0), number_text(0.1 + 0.2)
    ('30', '0.30000000000000004')
    """
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def _check_names(frame: pd.DataFrame, quasi: Sequence[str], sensitive: Sequence[str], declared: Sequence[str]) -> None:
    if not quasi:
        raise InputError("no quasi-identifier is named.", mend="Name the columns that others may know of a person.")
    for name in (*quasi, *sensitive):
        if name not in frame.columns:
            raise InputError(
                f"there is no column {name!r}.", mend=f"Columns are: {', '.join(map(str, frame.columns))}."
            )
    for name in quasi:
        if name in sensitive:
            raise InputError(
                f"column {name!r} is said to be quasi-identifying and sensitive.",
                mend="Who may know it of a person, finds the person by it: call it quasi-identifying.",
            )
    for names in (quasi, sensitive, declared):
        if twice := {name for name in names if names.count(name) > 1}:
            raise InputError(f"column {min(twice)!r} is named twice.", mend="Name it once.")
    for name in declared:
        if name not in quasi:
            raise InputError(
                f"column {name!r} is no quasi-identifier.", mend="Add it to those, or drop what it is like."
            )


def _quasi(cells: pd.Series[Any], owners: Codes, n: int, kind: Hierarchy | Sequence[str] | None) -> Quasi:
    name = str(cells.name)
    if kind is None and _is_numeric(cells):
        return _numbers(name, cells, owners, n)
    codes, values = _words(cells)
    named = [spelled(value) for value in values]
    if isinstance(kind, Hierarchy):
        kind = kind.with_leaf(MISSING) if None in values else kind
        new = _places(name, named, kind.leaves, "the hierarchy")[codes]
        return Nested(name, new, *_ends(new, owners, n), kind)
    if kind is not None:
        missing = None in values
        listed = [*([MISSING] if missing else []), *kind]
        new = _places(name, named, listed, "the order")[codes]
        places = np.arange(len(listed), dtype=np.float64)
        return Ordered(name, new, *_ends(new, owners, n), tuple(listed), places, missing)
    if odd := next((value for value in named if SEPARATOR in value), None):
        raise InputError(
            f"column {name!r}: {odd!r} holds {SEPARATOR!r}, which parts values.", mend="Spell it otherwise."
        )
    if n >= MANY and 2 * len(named) > n:
        raise InputError(
            f"column {name!r} has {len(named):,} different texts for {n:,} people: it looks like a direct identifier.",
            mend="Leave it out, or give a hierarchy for it.",
        )
    return Grouped(name, codes, marks(codes, owners, n, len(named)), _rarest(codes, owners, n), tuple(named))


def _numbers(name: str, cells: pd.Series[Any], owners: Codes, n: int) -> Ordered:
    codes, numbers, missing = _distinct(name, cells)
    known = np.array(numbers, dtype=np.float64)
    places = np.concatenate([known[:1], known]) if missing else known
    values = (*([MISSING] if missing else []), *map(number_text, numbers))
    if not numbers:
        raise InputError(f"column {name!r} is empty.", mend="Leave it out.")
    return Ordered(name, codes, *_ends(codes, owners, n), values, places, missing)


def _sensitive(cells: pd.Series[Any], owners: Codes, n: int) -> Sensitive:
    name = str(cells.name)
    if _is_numeric(cells):
        codes, numbers, missing = _distinct(name, cells)
        found = Sensitive(name, owners, codes, (*([""] if missing else []), *map(number_text, numbers)), ordered=True)
    else:
        codes, words = _words(cells)
        found = Sensitive(name, owners, codes, tuple(value or "" for value in words), ordered=False)
    alone = held_by_one(found, n)
    if n >= MANY and 2 * alone > n:
        raise InputError(
            f"column {name!r}: {alone:,} of {n:,} people have a value that nobody else has, by which they are found.",
            mend="Round it, leave it out, or call it quasi-identifying.",
        )
    return found


def _is_numeric(cells: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells)


def _distinct(name: str, cells: pd.Series[Any]) -> tuple[Codes, list[float], bool]:
    """Return codes, the numbers in order, and whether code 0 stands for missing cells."""
    numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0  # -0.0 becomes 0.0
    if np.isinf(numbers).any():
        raise InputError(f"column {name!r} holds an infinite number.", mend="Give finite numbers, or leave it out.")
    known, inverse = np.unique(numbers, return_inverse=True)
    found = [value for value in known.tolist() if not math.isnan(value)]
    missing = len(found) < len(known)
    codes = np.where(np.isnan(numbers), 0, inverse + missing) if missing else inverse
    return codes.astype(np.int64), found, missing


def _words(cells: pd.Series[Any]) -> tuple[Codes, list[str | None]]:
    """Return codes and the texts in order, None first where cells are missing."""
    codes, found = pd.factorize(cells)
    texts = [_tidy(_text(cell)) for cell in found]
    names: dict[str, str] = {}
    for text in filter(None, texts):
        names[text.casefold()] = min(text, names.get(text.casefold(), text))
    absent = (codes < 0).any() or "" in texts
    known: list[str | None] = [*([None] if absent else []), *sorted(names.values())]
    place = {name: code for code, name in enumerate(known)}
    new = [place[names[text.casefold()]] if text else 0 for text in texts]
    return np.array([*new, 0], dtype=np.int64)[codes], known  # the last one is for code -1


def _text(cell: Any) -> str:
    return number_text(float(cell)) if isinstance(cell, int | float | np.number) else str(cell)


def _tidy(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _places(name: str, values: Sequence[str], listed: Sequence[str], what: str) -> Codes:
    place = {_tidy(label).casefold(): code for code, label in enumerate(listed)}
    if unknown := [value for value in values if value.casefold() not in place]:
        raise InputError(
            f"column {name!r}: {what} does not have {', '.join(map(repr, unknown[:5]))}"
            f"{' and others' if len(unknown) > 5 else ''}.",
            mend="Add every category of the column.",
        )
    return np.array([place[value.casefold()] for value in values], dtype=np.int64)


def _ends(codes: Codes, owners: Codes, n: int) -> tuple[Codes, Codes]:
    """Return (n, 2): lowest and highest code of each person; and (n,): what is between them."""
    low, high = np.full(n, np.iinfo(np.int64).max), np.full(n, -1)
    np.minimum.at(low, owners, codes)
    np.maximum.at(high, owners, codes)
    return np.column_stack([low, high]), np.where(low == 0, low, (low + high) // 2)


def _rarest(codes: Codes, owners: Codes, n: int) -> Codes:
    """Return each person's rarest category: those who share a rare one are kept together."""
    counts = np.bincount(codes)
    order = np.lexsort((np.arange(len(counts)), -counts))
    rank = np.empty(len(counts), dtype=np.int64)
    rank[order] = np.arange(len(counts))
    last = np.full(n, -1)
    np.maximum.at(last, owners, rank[codes])
    found: Codes = order[last]
    return found
