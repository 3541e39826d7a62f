"""The page of a generalised table: its measures, no value of anybody, and no more promised than is true."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from expunge.privacy import Diversity, Release, Rules, generalise
from expunge.reporting.generalised import in_words, render, shares


@pytest.fixture(scope="module")
def release() -> Release:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, 300),
            "<b>ward</b>": rng.choice(["isolation", "north"], 300),
            "ill": rng.choice(["scarlatina", "none"], 300),
        }
    )
    rules = Rules(k=5, l=2, suppress=0.1)
    return generalise(frame, rules, subjects=range(300), quasi=["age", "<b>ward</b>"], sensitive=["ill"])


def test_the_page_has_the_measures_and_promises_no_more(release: Release) -> None:
    page = render(release)
    after = release.after
    for figure in (f"{after.loss.ncp:.2%}", f"{after.risk.prosecutor:.2%}", f"{after.loss.discernibility:,}"):
        assert figure in page
    assert "nobody was erased" in page
    assert "anonymous" not in page.casefold()


def test_no_value_stands_on_it_and_names_of_columns_are_escaped(release: Release) -> None:
    page = render(release)
    assert "scarlatina" not in page
    assert "isolation" not in page
    assert "&lt;b&gt;ward" in page
    assert "<b>" not in page


def test_the_page_needs_no_other_file_and_is_the_same_each_time(release: Release) -> None:
    page = render(release)
    assert render(release) == page
    assert not re.search(r"<script|<link|src=|url\((?!#)", page)


def test_shares_add_up() -> None:
    pairs = shares({1: 5, 3: 2, 7: 1, 500: 1}, {10: 4, 19: 1, 20: 3, 99: 1})
    assert sum(pair.before for pair in pairs) == pytest.approx(1)
    assert sum(pair.after for pair in pairs) == pytest.approx(1)
    assert [pair.label for pair in pairs][:2] == ["alone", "2 to 4"]
    assert pairs[-1].label == "100 or more"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (Rules(k=2), ["2 people or more"]),
        (Rules(k=2, l=3, diversity=Diversity.ENTROPY), "as diverse as 3 equally frequent"),
        (Rules(k=2, l=3, diversity=Diversity.RECURSIVE, c=1.5), "rarer than 1.5 times all from number 3 on"),
    ],
)
def test_rules_are_said_in_words(rules: Rules, words: str | list[str]) -> None:
    found = in_words(rules)
    assert found == words if isinstance(words, list) else words in found[-1]
