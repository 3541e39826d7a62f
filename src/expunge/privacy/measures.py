"""What a generalised table lost, and what risk it leaves.

Loss: the normalised certainty penalty (Xu et al., KDD 2006), discernibility (Bayardo and Agrawal, ICDE 2005), and the
Kullback-Leibler divergence of every column's distribution. Risk: prosecutor, journalist and marketer (El Emam and
Dankar, JAMIA 2008): that somebody who knows quasi-identifiers picks the right person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from expunge.errors import InputError
from expunge.privacy.columns import Floats
from expunge.privacy.hierarchy import Codes
from expunge.privacy.mondrian import People, Sets


@dataclass(frozen=True)
class Loss:
    """How much less a table says.

    Parameters
    ----------
    ncp : float
        From 0, nothing is lost, to 1, every cell is; a row that was left out counts 1.
    discernibility : int
        For each person, how many cannot be told from them; for who was left out, everybody.
    divergence : dict of str to float
        For each quasi-identifier, in nats: of the true distribution from the published one, each published cell being
        spread evenly over the values that it stands for. Infinite where a value is in no published cell.
    """

    ncp: float
    discernibility: int
    divergence: Mapping[str, float]


@dataclass(frozen=True)
class Risk:
    """How likely a person is picked out by quasi-identifiers.

    Parameters
    ----------
    people, groups, smallest : int
    prosecutor : float
        Greatest of all; for somebody who knows that the person is in the table.
    prosecutor_mean : float
        Over people.
    journalist : float
        Greatest, where the person is only known to be in the population.
    marketer : float
        Share of people who are expected to be picked rightly, if everybody is guessed.
    unique : float
        Share of people who are alone in their group.
    """

    people: int
    groups: int
    smallest: int
    prosecutor: float
    prosecutor_mean: float
    journalist: float
    marketer: float
    unique: float


@dataclass(frozen=True)
class Attained:
    """What the groups have in a sensitive column: the least of l, the greatest of t, over groups and countings.

    Parameters
    ----------
    distinct : int
    entropy : float
        exp of the entropy: as many values as equally frequent ones.
    t : float
    """

    distinct: int
    entropy: float
    t: float


def risk(sizes: Codes, population: Codes | None = None) -> Risk:
    """Measure risk.

    Parameters
    ----------
    sizes : ndarray of int, (n_groups,)
        People in each group of the table.
    population : ndarray of int, (n_groups,), or None
        People in the population who are as the group says; None takes the table for the population.

    Raises
    ------
    InputError
        Where there is no group, or the population has fewer people in a group than the table.

    Examples
    --------
    >>> found = risk(np.array([2, 8]), np.array([20, 80]))
    >>> found.prosecutor, found.prosecutor_mean, found.journalist, round(found.marketer, 3)
    (0.5, 0.2, 0.05, 0.02)
    """
    among = sizes if population is None else np.asarray(population)
    if not len(sizes) or len(among) != len(sizes) or (among < sizes).any():
        raise InputError(
            "the population does not hold the groups of the table.", mend="Give for each group at least its people."
        )
    people = int(sizes.sum())
    return Risk(
        people,
        len(sizes),
        int(sizes.min()),
        float(1 / sizes.min()),
        len(sizes) / people,
        float(1 / among.min()),
        float((sizes / among).sum() / people),
        float((sizes == 1).sum() / people),
    )


def loss(people: People, owners: Codes, sets: Sets) -> Loss:
    """Measure loss of a table whose people are published in sets.

    Parameters
    ----------
    owners : ndarray of int64, (n_rows,)
        Whose each row is.
    """
    rows_of = np.bincount(owners, minlength=people.n)
    rows = np.add.reduceat(rows_of[sets.people], sets.starts)
    gone = people.n - len(sets.people)
    penalty, divergence = float(len(owners) - rows.sum()) * len(people.quasi), {}
    for column, boxes in zip(people.quasi, people.boxes(sets), strict=True):
        penalty += float(rows @ column.widths(boxes))
        published = column.spread(boxes, rows)
        true = np.bincount(column.codes, minlength=len(published)) / len(owners)
        divergence[column.name] = _divergence(true, published / published.sum())
    ncp = penalty / (len(owners) * len(people.quasi))
    return Loss(ncp, int((sets.sizes**2).sum()) + gone * people.n, divergence)


def attained(people: People, sets: Sets) -> dict[str, Attained]:
    """Return what the groups have of l and t, t being of the distance to those who are in a group."""
    group_of, found = sets.group_of(people.n), {}
    for column in people.sensitive:
        countings = column.counted(group_of, len(sets.sizes))
        whole = column.counted(np.where(group_of < 0, -1, 0), 1)
        distances = []
        for counts, base in zip(countings, whole, strict=True):
            everybody = np.zeros(len(column.values))
            everybody[base.codes] = base.shares
            distances.append(counts.distances(everybody, ordered=column.ordered).max())
        found[column.name] = Attained(
            int(min(counts.distinct().min() for counts in countings)),
            float(min(np.exp(counts.entropies().min()) for counts in countings)),
            float(max(distances)),
        )
    return found


def _divergence(true: Floats, published: Floats) -> float:
    there = true > 0
    if (published[there] <= 0).any():
        return float("inf")
    return max(0.0, float((true[there] * np.log(true[there] / published[there])).sum()))
