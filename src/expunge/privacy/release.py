"""From a table to one that may be shown: generalised, in an order that tells nothing, with its measures."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from expunge.errors import InputError
from expunge.privacy import measures
from expunge.privacy.hierarchy import Codes, Hierarchy
from expunge.privacy.measures import Attained, Loss, Risk
from expunge.privacy.mondrian import People, Sets, partition
from expunge.privacy.reading import held_by_one, read_people
from expunge.privacy.rules import Rules
from expunge.privacy.trimming import trimmed

NAMING: Final = re.compile(
    r"(?:^|[^a-z])(?:(?:first|last|sur|full|user)?name|e?-?mail|phone|mobile|ssn|mrn|iban|passport|address|birth)"
    r"(?:$|[^a-z])",
    re.IGNORECASE,
)
"""Names of columns that deserve a second look."""


@dataclass(frozen=True)
class Measures:
    """A table before or after.

    Parameters
    ----------
    loss : Loss
    risk : Risk
    attained : dict of str to Attained
        By sensitive column.
    sizes : dict of int to int
        How many groups have so many people.
    """

    loss: Loss
    risk: Risk
    attained: Mapping[str, Attained]
    sizes: Mapping[int, int]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it; None for a divergence that is infinite."""
        found = asdict(self)
        divergence = self.loss.divergence.items()
        found["loss"]["divergence"] = {name: None if np.isinf(one) else one for name, one in divergence}
        return found


@dataclass(frozen=True, eq=False)
class Release:
    """A generalised table.

    Parameters
    ----------
    frame : DataFrame, (n_rows, n_quasi + n_sensitive)
        What is published: text, sorted by content; its index is 0, 1, and so on.
    rules : Rules
    before, after : Measures
    groups : dict
        Person to number of the group that they are in; -1 for who was left out. Personal data, never published:
        it is kept to check a second release against this one.
    warnings : tuple of str
        What whoever publishes it should know.
    """

    frame: pd.DataFrame = field(repr=False)
    rules: Rules
    before: Measures
    after: Measures
    groups: Mapping[Any, int] = field(repr=False)
    warnings: tuple[str, ...]

    @property
    def suppressed(self) -> int:
        """How many people were left out."""
        return self.before.risk.people - self.after.risk.people

    def to_csv(self) -> bytes:
        """Return what is published, in UTF-8: the same bytes for the same rows in any order."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.frame.columns)
        writer.writerows(self.frame.itertuples(index=False, name=None))
        return text.getvalue().encode()


def generalise(
    frame: pd.DataFrame,
    rules: Rules,
    *,
    subjects: npt.ArrayLike | pd.Series[Any],
    quasi: Sequence[str],
    sensitive: Sequence[str] = (),
    hierarchies: Mapping[str, Hierarchy] | None = None,
    orders: Mapping[str, Sequence[str]] | None = None,
) -> Release:
    """Generalise quasi-identifiers until every group of people who look alike is as the rules say.

    Only quasi-identifiers and sensitive columns are published, sensitive ones as they are.

    Parameters
    ----------
    frame : DataFrame, (n_rows, any)
        Columns of numbers, or of text. Numbers get ranges; text gets sets of categories.
    rules : Rules
    subjects : array-like, (n_rows,)
        Whose each row is. All rows of a person are in one group.
    quasi : sequence of str
        Columns that others may know of a person.
    sensitive : sequence of str
        Columns that nobody should learn of a person.
    hierarchies : mapping of str to Hierarchy
        For quasi-identifiers whose categories have one.
    orders : mapping of str to sequence of str
        For quasi-identifiers whose categories have an order: all of them, from lowest to highest.

    Returns
    -------
    Release

    Raises
    ------
    InputError
        Where the columns cannot be published so, or the table as a whole is not as the rules say.

    References
    ----------
    LeFevre, DeWitt, Ramakrishnan, "Mondrian multidimensional k-anonymity", ICDE 2006.

    Examples
    --------
    >>> people = pd.DataFrame({"age": [31, 34, 52, 58], "ward": ["n", "s", "n", "n"], "ill": list("abab")})
    >>> made = generalise(people, Rules(k=2, l=2), subjects=range(4), quasi=["age", "ward"], sensitive=["ill"])
    >>> print(made.to_csv().decode(), end="")
    age,ward,ill
    31 to 34,*,a
    31 to 34,*,b
    52 to 58,n,a
    52 to 58,n,b
    """
    owners, ids = _owners(frame, subjects)
    people = read_people(frame, owners, quasi, sensitive, hierarchies or {}, orders or {})
    _check_whole(people, rules)
    cut = partition(people, rules)
    sets = _merged(people, trimmed(people, rules, cut))
    if not people.fine(rules, sets, released=True).all():
        # Those who were left out moved the whole that t is measured against: nobody is left out then.
        sets = _merged(people, cut)
    original = _merged(people, Sets(np.arange(people.n), np.ones(people.n, dtype=np.int64)))
    before, after = (_measured(people, owners, one) for one in (original, sets))
    unchanged = Loss(0.0, before.loss.discernibility, dict.fromkeys(before.loss.divergence, 0.0))
    return Release(
        _published(people, owners, sets),
        rules,
        replace(before, loss=unchanged),
        after,
        dict(zip(ids, sets.group_of(people.n).tolist(), strict=True)),
        tuple(_warnings(people, owners, rules)),
    )


def _owners(frame: pd.DataFrame, subjects: npt.ArrayLike | pd.Series[Any]) -> tuple[Codes, list[Any]]:
    given = pd.Series(np.asarray(subjects))
    if len(given) != len(frame) or not len(frame):
        raise InputError(f"{len(frame)} rows have {len(given)} subjects.", mend="Give rows, and one subject for each.")
    if given.isna().any():
        raise InputError("a row has no subject.", mend="Say whose every row is.")
    owners, ids = pd.factorize(given)
    return owners.astype(np.int64), pd.Series(ids).tolist()


def _check_whole(people: People, rules: Rules) -> None:
    """Refuse rules that even the whole table, with every quasi-identifier taken away, does not keep."""
    if people.n < rules.k:
        raise InputError(f"k is {rules.k}, and there are {people.n} people.", mend="Ask for fewer, or add people.")
    if not people.sensitive and (rules.l > 1 or rules.t is not None):
        raise InputError("l or t is asked for, and no column is sensitive.", mend="Name the sensitive columns.")
    whole = Sets(np.arange(people.n), np.array([people.n]))
    for column in people.sensitive:
        if not People(people.n, people.quasi, [column]).fine(rules, whole)[0]:
            found = measures.attained(People(people.n, people.quasi, [column]), whole)[column.name]
            raise InputError(
                f"column {column.name!r} as a whole is not {rules.diversity} {rules.l}-diverse: it has "
                f"{found.distinct} values, as diverse as {found.entropy:.3g} equally frequent ones, "
                f"or one that everybody has.",
                mend="No generalising mends that: ask for a smaller l, or leave the column out.",
            )


def _merged(people: People, sets: Sets) -> Sets:
    """Put sets together that are published alike: nobody can tell them apart."""
    boxes = np.column_stack(
        [column.shown(box).astype(np.uint64) for column, box in zip(people.quasi, people.boxes(sets), strict=True)]
    )
    _, same = np.unique(boxes, axis=0, return_inverse=True)
    of = same.ravel()[sets.of]
    order = np.argsort(of, kind="stable")
    return Sets(sets.people[order], np.bincount(of))


def _measured(people: People, owners: Codes, sets: Sets) -> Measures:
    sizes, groups = np.unique(sets.sizes, return_counts=True)
    return Measures(
        measures.loss(people, owners, sets),
        measures.risk(sets.sizes),
        measures.attained(people, sets),
        dict(zip(sizes.tolist(), groups.tolist(), strict=True)),
    )


def _published(people: People, owners: Codes, sets: Sets) -> pd.DataFrame:
    """Return the rows that are published, sorted by what stands in them."""
    group = sets.group_of(people.n)[owners]
    kept = group >= 0
    texts: dict[str, npt.NDArray[Any]] = {}
    ranks = []
    for column, boxes in zip(people.quasi, people.boxes(sets), strict=True):
        labels = column.labels(boxes)
        first = dict(zip(labels, map(tuple, column.shown(boxes).tolist()), strict=True))
        rank = {label: place for place, label in enumerate(sorted(first, key=lambda label: (first[label], label)))}
        ranks.append(np.array([rank[label] for label in labels])[group[kept]])
        texts[column.name] = np.array(labels, dtype=object)[group[kept]]
    for one in people.sensitive:
        ranks.append(one.codes[kept])
        texts[one.name] = np.array(one.values, dtype=object)[one.codes[kept]]
    order = np.lexsort(ranks[::-1])
    return pd.DataFrame({name: pd.Series(cells[order], dtype=object) for name, cells in texts.items()})


def _warnings(people: People, owners: Codes, rules: Rules) -> list[str]:
    found = [
        f"column {name!r} is called like something that names people: check that it does not."
        for name in [*(one.name for one in people.quasi), *(one.name for one in people.sensitive)]
        if NAMING.search(name)
    ]
    if not people.sensitive:
        found.append("no column is sensitive: whoever knows that a person is in the table learns nothing but that.")
    elif rules.l == 1 and rules.t is None:
        found.append("neither l nor t is asked for: where a group has one value only, it is known of everybody in it.")
    for column in people.sensitive:
        if alone := held_by_one(column, people.n):
            found.append(
                f"column {column.name!r}: people with a value that nobody else has: {alone:,}; whoever knows it of one "
                f"of them finds the row."
            )
    most = int(np.bincount(owners).max())
    if most > 1:
        found.append(
            f"people have up to {most} rows: how many somebody has is not hidden from whoever counts a group's rows."
        )
    return found
