"""How much is measured: all of it for the record, little to try it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Parameters
    ----------
    people : int or None
        So many people of each task; None for all.
    splits, seeds : int
        Of `accuracy`; others' ensembles are fitted for each too.
    alone : int
        People forgotten one by one.
    batches : tuple of int
    repeats : int
        Batches of each size, and rounds of predictions.
    rows : tuple of int
        What a table grows to.
    people_each : int
        People forgotten at each such size.
    random, adversarial : int
        Sequences.
    sequence_people : (int, int)
        Between which the number of people of a sequence is drawn.
    picks, owners : int
        Choices of the adversary who tries people, and of the one who looks for extremes.
    predicted : int
        Rows for which served models predict.
    designs : tuple of (int, int)
        Shards, and slices of each.
    started : int
        Learners whose first fits are measured.
    """

    people: int | None = None
    splits: int = 3
    seeds: int = 3
    alone: int = 1_000
    batches: tuple[int, ...] = (10, 100, 1_000)
    repeats: int = 3
    rows: tuple[int, ...] = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
    people_each: int = 200
    random: int = 1_000
    adversarial: int = 200
    sequence_people: tuple[int, int] = (300, 1_500)
    picks: int = 1_000
    owners: int = 50
    predicted: int = 20_000
    designs: tuple[tuple[int, int], ...] = tuple((shards, slices) for slices in (1, 4) for shards in (1, 2, 5, 10, 20))
    started: int = 3


FULL: Final = Size()
QUICK: Final = Size(
    people=600,
    splits=1,
    seeds=1,
    alone=20,
    batches=(10, 100),
    repeats=1,
    rows=(500, 1_000, 2_000),
    people_each=10,
    random=2,
    adversarial=2,
    sequence_people=(80, 120),
    picks=10,
    owners=3,
    predicted=500,
    designs=((1, 1), (3, 2)),
    started=1,
)
