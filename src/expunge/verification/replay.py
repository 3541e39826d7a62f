"""Replay: fit again from raw remaining rows, and compare learned digests. Exactness is not argued, it is replayed.

Where what was learned depends on the environment (library versions, processor family, threads), digests from two of
them are not compared: the answer is NOT COMPARABLE, neither a pass nor a failure (DESIGN promise 1).
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from expunge.domain.report import Check, Verdict

if TYPE_CHECKING:
    import pandas as pd

    from expunge.learners.base import Learner


def is_sampled(key: bytes, batch: str, model: str, rate: float) -> bool:
    """Tell whether a batch is among the share of a model's batches that is replayed.

    A keyed hash of the two names decides: the same answer whenever it is asked, and none that can be chosen.

    Examples
    --------
    >>> is_sampled(bytes(32), "B-1", "M-1", 0.0), is_sampled(bytes(32), "B-1", "M-1", 1.0)
    (False, True)
    """
    drawn = int.from_bytes(hmac.digest(key, f"{batch}|{model}".encode(), hashlib.sha256)[:8], "big")
    return drawn < rate * 2**64


@dataclass(frozen=True)
class Replay:
    """A replay and what came of it.

    Parameters
    ----------
    check : Check
    learner : Learner
        The refitted learner.
    digest : str
        Its learned digest.
    seconds : float
        What the full retrain took, up to a model that predicts.
    """

    check: Check
    learner: Learner
    digest: str
    seconds: float


def replay(
    unfitted: Learner,
    features: pd.DataFrame,
    target: npt.NDArray[Any],
    subjects: npt.NDArray[Any],
    expected: str,
    environment: Mapping[str, str] | None = None,
) -> Replay:
    """Fit a learner that has seen nothing on the rows of everybody who remains, and compare.

    Parameters
    ----------
    unfitted : Learner
        With schema, hyperparameters and key, and nothing else.
    features : DataFrame (n_rows, n_features)
    target : ndarray (n_rows,)
    subjects : ndarray (n_rows,)
    expected : str
        The learned digest of the model that forgot.
    environment : mapping of str to str or None
        In which it learned that; None, or an empty one, where it makes no difference.
    """
    unfitted.prepare()
    begin = time.perf_counter()
    unfitted.fit(features, target, subjects=subjects).serve()
    seconds = time.perf_counter() - begin
    digest = unfitted.digest()
    verdict, detail = _compared(digest == expected, differences(environment or {}, unfitted.environment))
    figures = {"records": str(len(target)), "full_retrain_seconds": f"{seconds:.4f}"}
    return Replay(Check("replay", verdict, detail, figures), unfitted, digest, seconds)


def differences(learned: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """Say in which facts two environments differ.

    Examples
    --------
    >>> differences({"threads": "1", "numpy": "2.4.6"}, {"threads": "1", "numpy": "2.5.0"})
    ['numpy 2.4.6 there, 2.5.0 here']
    """
    return [
        f"{name} {learned.get(name, 'absent')} there, {here.get(name, 'absent')} here"
        for name in sorted({*learned, *here})
        if learned.get(name) != here.get(name)
    ]


def _compared(equal: bool, elsewhere: list[str]) -> tuple[Verdict, str]:
    if elsewhere:
        return Verdict.NOT_COMPARABLE, f"It was learned in another environment than this one: {'; '.join(elsewhere)}."
    if equal:
        return (
            Verdict.PASSED,
            "A full retrain on the remaining records gave the same learned state, byte for byte.",
        )
    return Verdict.FAILED, "A full retrain on the remaining records gave another learned state."
