"""Replay: fit again from raw remaining rows, and compare learned digests. Exactness is not argued, it is replayed."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import pandas as pd

from expunge.domain.report import Check, Verdict
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
    unfitted: Learner, features: pd.DataFrame, target: npt.NDArray[Any], subjects: npt.NDArray[Any], expected: str
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
    """
    begin = time.perf_counter()
    unfitted.fit(features, target, subjects=subjects).serve()
    seconds = time.perf_counter() - begin
    digest = unfitted.digest()
    equal = digest == expected
    check = Check(
        "replay",
        Verdict.PASSED if equal else Verdict.FAILED,
        "A full retrain on the remaining records gave "
        + ("the same learned state, byte for byte." if equal else "another learned state."),
        {"records": str(len(target)), "full_retrain_seconds": f"{seconds:.4f}"},
    )
    return Replay(check, unfitted, digest, seconds)
