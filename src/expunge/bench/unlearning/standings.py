"""What figures say of a method, in a word: that it does nothing, harms, still knows them, or that nothing was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

CHECKS: Final = ("effect", "utility", "forget accuracy", "membership", "divergence", "relearning", "quantisation")


@dataclass(frozen=True)
class Standing:
    """Where a method stands on a task.

    Parameters
    ----------
    words : str
        At a glance.
    tone : {"good", "open", "bad"}
    rank : int
        The lower, the better; methods of one rank are told apart by their time.
    """

    words: str
    tone: str
    rank: int


def failures(found: pd.DataFrame, check: str) -> tuple[int, int]:
    """Return in how many seeds a check failed, and in how many it was run."""
    values = found.loc[found["metric"] == f"check {check}", "value"].dropna()
    return int((values == 0).sum()), len(values)


def standing(found: pd.DataFrame) -> Standing:
    """Return where a method stands, by its records on one task: what most seeds say."""
    seeds = found["seed"].nunique()
    replayed, verdicts = (found.loc[found["metric"] == metric, "value"] for metric in ("replayed", "verdict"))
    if len(replayed) and bool((replayed == 1).all()):
        return Standing("exact: replayed, byte for byte", "good", 0)
    for fails, told in _FAULTS:
        if fails(found, seeds):
            return told or _remembers(found)
    clean = int((verdicts == 1).sum())
    words = f"nothing found, {clean} of {seeds} seeds"
    return Standing(words, "good", 1) if clean == seeds else Standing(words, "open", 2)


def _most(*checks: str) -> Callable[[pd.DataFrame, int], bool]:
    """Return what tells whether one of some checks failed in most seeds."""
    return lambda found, seeds: any(2 * failures(found, check)[0] > seeds for check in checks)


def _harmed(found: pd.DataFrame, seeds: int) -> bool:
    """Tell whether a model fails for utility, and by more than one would put up with."""
    lost = (mean(found, f"retrained_accuracy_{rows}") - mean(found, f"accuracy_{rows}") for rows in ("retain", "test"))
    return _most("utility")(found, seeds) and max(lost) > LOST


LOST: Final = 0.01
"""So much accuracy, on those who stay or on new people, is a damage."""

_FAULTS: Final[tuple[tuple[Callable[[pd.DataFrame, int], bool], Standing | None], ...]] = (
    (_most("effect"), Standing("does nothing", "bad", 6)),
    (_harmed, Standing("damages the model", "bad", 5)),
    (_most("membership", "forget accuracy", "relearning", "quantisation"), None),
    (_most("utility"), Standing("costs some accuracy", "open", 3)),
    (_most("divergence"), Standing("answers otherwise than a retrained model", "open", 3)),
)
"""What tells a fault -> what is said of it, the plainest first; None: it depends."""


def _remembers(found: pd.DataFrame) -> Standing:
    """Tell who still knows from who forgot so much that it shows."""
    more = mean(found, "accuracy_forget") > mean(found, "retrained_accuracy_forget")
    if failures(found, "membership")[0]:
        more = mean(found, "membership_auc") > 0.5
    if more or _most("relearning", "quantisation")(found, found["seed"].nunique()):
        return Standing("still knows them", "bad", 4)
    return Standing("forgets more than there was", "bad", 4)


def mean(found: pd.DataFrame, metric: str, which: str = "value") -> float:
    """Return a metric's mean over seeds; NaN where there is none."""
    values = found.loc[found["metric"] == metric, which].dropna()
    return float(values.mean()) if len(values) else float(np.nan)
