"""What a method does, in a word: what most seeds say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from expunge.bench.unlearning.records import Record
from expunge.bench.unlearning.standings import standing


def checked(seed: int, lost: float = 0.0, **checks: float) -> list[Record]:
    names = {name.replace("_", " "): value for name, value in checks.items()}
    figures = {"membership_auc": 0.7, "accuracy_forget": 0.9, "retrained_accuracy_forget": 0.8}
    figures |= {"verdict": min(checks.values())}
    for rows in ("retain", "test"):
        figures |= {f"retrained_accuracy_{rows}": 0.9, f"accuracy_{rows}": 0.9 - lost}
    told = [Record("t", "m", seed, f"check {name}", value) for name, value in names.items()]
    return told + [Record("t", "m", seed, name, value) for name, value in figures.items()]


@pytest.mark.parametrize(
    ("seeds", "words", "tone"),
    [
        ([{"effect": 0.0, "utility": 0.0}] * 2, "does nothing", "bad"),
        ([{"effect": 1.0, "utility": 0.0, "membership": 0.0, "lost": 0.1}] * 2, "damages the model", "bad"),
        ([{"utility": 0.0, "relearning": 0.0, "lost": 0.001}] * 2, "still knows them", "bad"),
        ([{"utility": 0.0, "relearning": 1.0, "lost": 0.001}] * 2, "costs some accuracy", "open"),
        ([{"utility": 1.0, "membership": 0.0}] * 2, "still knows them", "bad"),
        ([{"membership": np.nan, "forget_accuracy": 0.0}] * 2, "still knows them", "bad"),
        ([{"membership": 1.0, "divergence": 0.0}] * 2, "answers otherwise than a retrained model", "open"),
        ([{"membership": 1.0, "divergence": 1.0}] * 2, "nothing found, 2 of 2 seeds", "good"),
        ([{"membership": 1.0}, {"membership": 0.0}], "nothing found, 1 of 2 seeds", "open"),
    ],
)
def test_a_word_says_what_most_seeds_say(seeds: list[dict[str, float]], words: str, tone: str) -> None:
    frame = pd.DataFrame([vars(one) for seed, checks in enumerate(seeds) for one in checked(seed, **checks)])
    found = standing(frame)
    assert (found.words, found.tone) == (words, tone)
