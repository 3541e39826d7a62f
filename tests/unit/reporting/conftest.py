"""A verified certificate to render: one dataset, and a model of every class and fate."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from expunge.certificates import CHECKS, Verified
from expunge.domain.certificate import (
    BY_CONSTRUCTION,
    Copy,
    Keys,
    Learned,
    LogKey,
    Members,
    RequestLine,
    Retained,
    Seconds,
    Served,
    Statement,
)
from expunge.domain.guarantee import Certified, Empirical, Exact
from expunge.domain.plan import Method
from expunge.domain.report import Check, Verdict
from expunge.log.checkpoint import Checkpoint

HEX = "ab" * 32
UTILITY = {
    "metric": "AUC",
    "before": "0.712",
    "after": "0.711",
    "retrained": "0.710",
    "after_low": "0.683",
    "after_high": "0.737",
    "change_low": "-0.002",
    "change_high": "0.001",
    "held_out_subjects": "1157",
}
REPLAYED = Check("replay", Verdict.PASSED, "A full retrain gave the same learned state.", {"records": "16131"})
USEFUL = Check("utility", Verdict.PASSED, "AUC on 1157 people whom the model never saw.", UTILITY)
NOT_REPLAYED = Check("replay", Verdict.NOT_RUN, "The policy does not ask for it.")


def members(*, left: int = 2, of: int = 500) -> Members:
    return Members(HEX, HEX, of, of - left, (HEX,) * left, ())


def model(**changes: Any) -> Copy:
    """Make an Exact model that forgot two people and was replayed."""
    values: dict[str, Any] = {
        "object": "M-1",
        "kind": "model",
        "name": "ridge",
        "version_before": 1,
        "version_after": 2,
        "method": Method.FORGET,
        "guarantee": Exact("portable"),
        "guarantee_in_words": "Exact: replayed and compared",
        "learned": Learned(HEX, HEX, equal=False),
        "served": Served(HEX, HEX),
        "members": members(),
        "records_removed": 7,
        "checks": (REPLAYED, USEFUL),
        "seconds": Seconds("0.0027", "0.0218"),
    }
    return Copy(**(values | changes))


def dataset(**changes: Any) -> Copy:
    values: dict[str, Any] = {
        "object": "D-1",
        "kind": "dataset",
        "name": "visits",
        "method": Method.DELETE_ROWS,
        "guarantee": None,
        "guarantee_in_words": "keys destroyed, then rows deleted",
        "learned": Learned(None, None, None),
        "served": Served(None, None),
        "checks": (),
        "seconds": Seconds("0", None),
    }
    return model(**(values | changes))


def retired(**changes: Any) -> Copy:
    values: dict[str, Any] = {
        "object": "M-5",
        "name": "wards",
        "method": Method.RETIRE,
        "version_after": None,
        "guarantee": None,
        "guarantee_in_words": "unpublished and destroyed: without these subjects no model is left",
        "learned": Learned(HEX, None, None),
        "served": Served(HEX, None),
        "checks": (),
        "seconds": Seconds("0.001", None),
    }
    return model(**(values | changes))


def by_construction(**changes: Any) -> Copy:
    words = f"Exact: {BY_CONSTRUCTION}"
    return model(**({"checks": (NOT_REPLAYED, USEFUL), "guarantee_in_words": words, "name": "additive"} | changes))


def empirical(**changes: Any) -> Copy:
    values: dict[str, Any] = {
        "object": "M-3",
        "name": "notes",
        "guarantee": Empirical("membership AUC 0.52 (0.49 to 0.55)"),
        "guarantee_in_words": "influence reduced, measured so",
        "checks": (NOT_REPLAYED,),
        "seconds": Seconds("4.2", "3600"),
    }
    return model(**(values | changes))


def certified(**changes: Any) -> Copy:
    values: dict[str, Any] = {
        "object": "M-2",
        "name": "logistic",
        "guarantee": Certified(1.0, 1e-5, 0.25),
        "guarantee_in_words": "What can still be told of a person is bounded.",
        "checks": (NOT_REPLAYED, USEFUL),
        "seconds": Seconds("0.004", "1.25"),
    }
    return model(**(values | changes))


def untouched(**changes: Any) -> Copy:
    values: dict[str, Any] = {
        "object": "M-4",
        "name": "tree",
        "method": Method.NOT_A_MEMBER,
        "version_after": 1,
        "guarantee_in_words": f"held none of these subjects; {BY_CONSTRUCTION} in this batch",
        "learned": Learned(HEX, HEX, equal=True),
        "members": members(left=0),
        "records_removed": 0,
        "checks": (),
        "seconds": Seconds("0", None),
    }
    return model(**(values | changes))


def make_statement(*copies: Copy, **changes: Any) -> Statement:
    statement = Statement(
        batch="B-1",
        certificate="C-1",
        issued="2026-11-02T09:30:00Z",
        requests=(
            RequestLine("R-1", "GDPR", "2026-10-20", "2026-11-20", "erased"),
            RequestLine("R-2", "CCPA", "2026-10-21", "2026-12-05", "erased"),
            RequestLine("R-3", "GDPR", "2026-10-22", "2026-11-23", "erased"),
        ),
        copies=copies or (dataset(), model()),
        checks=(Check("remanence", Verdict.PASSED, "Nothing was found.", {"stores": "4"}),),
        keys=Keys("key file beside the workspace", 3, 4, "2026-11-02T09:29:58Z", ("snapshots of the key folder",)),
        retained=(),
        recipients=(),
        residuals=("A nightly backup, unreadable since its key is gone.",),
        limits=("That no other copy exists is not shown.",),
        notes=("No suppression ledger is kept.",),
        log=LogKey("hospital.example/erasures", "A" * 43 + "="),
        environment={"python": "3.11.7", "expunge": "0.1.0"},
    )
    return replace(statement, **changes)


def verified(statement: Statement, checks: tuple[str, ...] = CHECKS) -> Verified:
    return Verified(statement, checks, Checkpoint(statement.log.origin, 6, bytes.fromhex(HEX)))


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """Give the functions above: a conftest cannot be imported."""
    makers = (members, model, dataset, retired, by_construction, empirical, certified, untouched)
    constants = {"HEX": HEX, "UTILITY": UTILITY, "REPLAYED": REPLAYED}
    others = {"make_statement": make_statement, "verified": verified}
    return SimpleNamespace(**{maker.__name__: maker for maker in makers}, **constants, **others)


@pytest.fixture(scope="session")
def everything() -> Verified:
    """One copy of every class of guarantee and every fate."""
    copies = (
        dataset(),
        model(),
        by_construction(object="M-6"),
        certified(),
        empirical(),
        untouched(),
        retired(),
    )
    kept = (Retained("D-2", "Accounts must be kept.", "GDPR 17(3)(b)"),)
    return verified(make_statement(*copies, retained=kept))
