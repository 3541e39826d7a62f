"""What figures say of a method, in a word: that it does nothing, harms, still knows them, or that nothing was found."""

from __future__ import annotations

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
    for checks, told in _FAULTS:
        if any(2 * failures(found, check)[0] > seeds for check in checks):
            return told or _remembers(found)
    clean = int((verdicts == 1).sum())
    words = f"nothing found, {clean} of {seeds} seeds"
    return Standing(words, "good", 1) if clean == seeds else Standing(words, "open", 2)


_FAULTS: Final[tuple[tuple[tuple[str, ...], Standing | None], ...]] = (
    (("effect",), Standing("does nothing", "bad", 6)),
    (("utility",), Standing("damages the model", "bad", 5)),
    (("membership", "forget accuracy", "relearning", "quantisation"), None),
    (("divergence",), Standing("answers otherwise than a retrained model", "open", 3)),
)
"""Checks -> what a method does that fails one of them in most seeds, the plainest first; None: it depends."""


def _remembers(found: pd.DataFrame) -> Standing:
    """Tell who still knows from who forgot so much that it shows."""
    auc = float(mean(found, "membership_auc"))
    more = float(mean(found, "accuracy_forget")) - float(mean(found, "retrained_accuracy_forget"))
    told = failures(found, "membership")[0] > 0
    if auc < 0.5 if told else more < 0:
        return Standing("forgets more than there was", "bad", 4)
    return Standing("still knows them", "bad", 4)


def mean(found: pd.DataFrame, metric: str, which: str = "value") -> float:
    """Return a metric's mean over seeds; NaN where there is none."""
    values = found.loc[found["metric"] == metric, which].dropna()
    return float(values.mean()) if len(values) else float(np.nan)
