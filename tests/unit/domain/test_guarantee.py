"""Three classes of guarantee that nobody can mix up."""

from __future__ import annotations

import pytest

from expunge.domain.digest import canonical_json
from expunge.domain.guarantee import Certified, Empirical, Exact, Guarantee

ALL: list[tuple[Guarantee, dict[str, str], str]] = [
    (Exact("portable"), {"class": "exact", "scope": "portable"}, "Exact (portable)"),
    (Exact("environment"), {"class": "exact", "scope": "environment"}, "Exact (environment)"),
    (
        Certified(0.1, 1e-5, 0.05),
        {"class": "certified", "epsilon": "0.1", "delta": "1e-05", "spent": "0.05"},
        "Certified (ε=0.1, δ=1e-05)",
    ),
    (
        Empirical("AUC 0.51"),
        {"class": "empirical", "measured": "AUC 0.51"},
        "Empirical (influence reduced: AUC 0.51)",
    ),
]


@pytest.mark.parametrize(("guarantee", "form", "words"), ALL)
def test_a_guarantee_says_what_it_is(guarantee: Guarantee, form: dict[str, str], words: str) -> None:
    assert guarantee.to_dict() == form
    assert str(guarantee) == words
    assert canonical_json(guarantee.to_dict())


def test_an_empirical_guarantee_never_says_erased() -> None:
    assert "erase" not in str(Empirical("influence halved")).lower()


def test_no_two_guarantees_are_equal() -> None:
    assert len({guarantee for guarantee, _, _ in ALL}) == len(ALL)
    assert len({words for _, _, words in ALL}) == len(ALL)
