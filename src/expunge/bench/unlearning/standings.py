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
    if (replayed := found.loc[found["metric"] == "replayed", "value"]).size and bool((replayed == 1).all()):
        return Standing("exact: replayed, byte for byte", "good", 0)

    def fails(*checks: str) -> bool:
        return any(2 * failures(found, check)[0] > seeds for check in checks)

    if fails("effect"):
        return Standing("does nothing", "bad", 6)
    if fails("utility"):
        return Standing("damages the model", "bad", 5)
    if fails("membership", "forget accuracy", "relearning", "quantisation"):
        return _remembers(found)
    if fails("divergence"):
        return Standing("answers otherwise than a retrained model", "open", 3)
    verdicts = found.loc[found["metric"] == "verdict", "value"]
    clean = int((verdicts == 1).sum())
    if clean == seeds:
        return Standing(f"nothing found, {seeds} of {seeds} seeds", "good", 1)
    return Standing(f"nothing found, {clean} of {seeds} seeds", "open", 2)


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
