"""An attacker who has the published file and everybody's true quasi-identifiers, on real people."""

from __future__ import annotations

import io
import os

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from expunge.bench import tasks
from expunge.datasets import load_randhie
from expunge.privacy import Rules, generalise

K = 10
needs_data = pytest.mark.skipif(not os.environ.get(tasks.VARIABLE), reason=f"{tasks.VARIABLE} is not set")


def fits(label: str, cells: pd.Series) -> npt.NDArray[np.bool_]:
    """Tell which cells a published label can stand for."""
    if label == "*":
        return np.ones(len(cells), dtype=np.bool_)
    if pd.api.types.is_numeric_dtype(cells):
        low, _, high = label.partition(" to ")
        return cells.between(float(low), float(high or low)).to_numpy()
    return cells.isin(label.split(" | ")).to_numpy()


def linked(content: bytes, frame: pd.DataFrame, subjects: pd.Series, quasi: list[str]) -> tuple[int, int]:
    """Return the fewest people that a published group can be, and how many groups there are."""
    published = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    found = published[quasi].drop_duplicates()
    known: dict[tuple[str, str], npt.NDArray[np.bool_]] = {}
    owners, ids = pd.factorize(subjects)
    rows_of = np.bincount(owners)
    fewest = len(ids)
    for labels in found.itertuples(index=False, name=None):
        inside = np.ones(len(frame), dtype=np.bool_)
        for name, label in zip(quasi, labels, strict=True):
            if (name, label) not in known:
                known[name, label] = fits(label, frame[name])
            inside &= known[name, label]
        # A person is a candidate if all of their rows fit.
        fewest = min(fewest, int((np.bincount(owners[inside], minlength=len(ids)) == rows_of).sum()))
    return fewest, len(found)


def test_nobody_of_the_rand_experiment_is_linked_beyond_one_in_k() -> None:
    frame = load_randhie()
    quasi = ["xage", "female", "site", "educdec", "num"]
    frame[quasi] = frame[quasi].round().fillna(-1)
    made = generalise(frame, Rules(k=K, l=2), subjects=frame["zper"], quasi=quasi, sensitive=["mdvis"])
    fewest, groups = linked(made.to_csv(), frame, frame["zper"], quasi)
    assert fewest >= K
    assert groups == made.after.risk.groups > 100
    assert made.to_csv().splitlines()[0].decode() == ",".join([*quasi, "mdvis"])


@needs_data
def test_no_patient_of_diabetes_130_is_linked_beyond_one_in_k() -> None:
    task = tasks.diabetes()
    frame, quasi = task.X.copy(), ["race", "gender", "age", "medical_specialty"]
    frame["back"] = task.y
    made = generalise(frame, Rules(k=K, l=2), subjects=task.people, quasi=quasi, sensitive=["time_in_hospital", "back"])
    fewest, groups = linked(made.to_csv(), frame, pd.Series(task.people), quasi)
    assert made.after.risk.people == 71_518
    assert fewest >= K
    assert groups > 100
