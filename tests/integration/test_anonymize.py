"""`expunge anonymize`, as the guide writes it: its files, its answers, and what it refuses."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pytest

Command: TypeAlias = Callable[..., Any]


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    """A file of 400 people in 600 rows."""
    rng = np.random.default_rng(5)
    rows = np.append(np.arange(400), rng.integers(0, 400, 200))
    frame = pd.DataFrame(
        {
            "patient": 1000 + rows,
            "surname": [f"Name {row}" for row in rows],
            "age": rng.integers(18, 95, 400)[rows],
            "ward": rng.choice(["icu", "rehab", "surgery"], 400)[rows],
            "zip": rng.choice([10115, 10117, 80331], 400)[rows],
            "stage": rng.choice(["low", "mid", "high"], 400)[rows],
            "mixed": rng.choice(["250", "V57"], len(rows)),
            "diagnosis": rng.choice(["flu", "gout", "none"], len(rows)),
        }
    )
    frame.to_csv(tmp_path / "visits.csv", index=False)
    return tmp_path / "visits.csv"


def asked(visits: Path, *more: object, **other: str) -> tuple[object, ...]:
    given = {"subject": "patient", "quasi": "age,ward", "sensitive": "diagnosis", "k": "10", "l": "2"} | other
    options = [part for name, value in given.items() for part in (f"--{name}", value)]
    return "anonymize", visits, *options, "--out", visits.with_name("safe.csv"), *more


def files(visits: Path) -> set[str]:
    return {path.name for path in visits.parent.iterdir()}


def test_a_table_is_written_and_measured(command: Command, visits: Path) -> None:
    ran = command(*asked(visits, "--t", "0.5", "--suppress", "0.02", "--json"))
    assert ran.code == 0, ran.err
    assert "up to" in ran.err  # some people have several rows
    said = ran.json
    made = pd.read_csv(said["out"], dtype=str)
    assert list(made.columns) == ["age", "ward", "diagnosis"]
    assert len(made) == said["rows"]
    assert said["after"]["risk"]["smallest"] >= 10
    assert said["after"]["attained"]["diagnosis"]["distinct"] >= 2
    assert said["after"]["attained"]["diagnosis"]["t"] <= 0.5
    assert said["before"]["risk"]["prosecutor"] > 0.1 >= said["after"]["risk"]["prosecutor"]
    assert said["suppressed"] <= 8
    assert files(visits) == {"visits.csv", "safe.csv"}


def test_a_page_of_the_measures_is_written_beside_it(command: Command, visits: Path) -> None:
    page = visits.with_name("safe.html")
    assert command(*asked(visits, "--report", page)).code == 0
    assert "Prosecutor, the worst" in page.read_text(encoding="utf-8")
    assert command(*asked(visits, "--report", visits)).code == 2


def test_the_answer_for_people_promises_no_more_than_is_true(command: Command, visits: Path) -> None:
    ran = command(*asked(visits))
    assert ran.code == 0
    assert "still data about people, and nobody was erased" in ran.out
    assert "anonymous" not in ran.out.casefold()
    assert "prosecutor, worst" in ran.out


def test_the_file_tells_nothing_by_its_rows_order_or_its_input(command: Command, visits: Path) -> None:
    command(*asked(visits))
    first = (visits.parent / "safe.csv").read_bytes()
    frame = pd.read_csv(visits).sample(frac=1, random_state=1)
    frame.insert(0, "row", range(len(frame)))
    frame["age"] = frame["age"].map("{:.2f}".format)
    frame["ward"] = " " + frame["ward"]
    frame.to_csv(visits, index=False)
    command(*asked(visits))
    assert (visits.parent / "safe.csv").read_bytes() == first
    assert b"Name" not in first


def test_hierarchies_orders_and_categories_are_used(command: Command, visits: Path) -> None:
    tree = visits.with_name("zip.csv")
    tree.write_text("10115,101,DE\n10117,101,DE\n80331,803,DE\n")
    more = ("--hierarchy", f"zip={tree}", "--order", "stage=low,mid,high")
    ran = command(*asked(visits, *more, quasi="age,zip,stage", k="60"))
    assert ran.code == 0, ran.err
    made = pd.read_csv(visits.with_name("safe.csv"), dtype=str)
    assert set(made["zip"]) <= {"10115", "10117", "80331", "101", "803", "DE", "*"}
    assert set(made["stage"]) <= {"low", "mid", "high", "low to mid", "mid to high", "low to high"}
    assert command(*asked(visits, "--category", "zip", quasi="zip", k="60")).code == 0
    made = pd.read_csv(visits.with_name("safe.csv"), dtype=str)
    assert not made["zip"].str.contains("to").any()


def test_a_second_release_is_checked_against_the_first(command: Command, visits: Path) -> None:
    groups, second = visits.with_name("groups.json"), visits.with_name("second.csv")
    assert command(*asked(visits, "--groups", groups)).code == 0
    assert stat.S_IMODE(groups.stat().st_mode) == 0o600
    assert command(*asked(visits, "--earlier", groups)).code == 0
    other = asked(visits, "--earlier", groups, quasi="stage,zip")
    refused = command(*(second if part == visits.with_name("safe.csv") else part for part in other))
    assert refused.code == 2
    assert "are among fewer than 10" in refused.err
    assert not second.exists()
    again = command(*asked(visits, "--groups", groups))
    assert again.code == 2
    assert "is not written over" in again.err


REFUSED: dict[str, tuple[dict[str, str], tuple[str, ...], str]] = {
    "sensitive and quasi": ({"quasi": "age,diagnosis"}, (), "quasi-identifying and sensitive"),
    "more than there are": ({"k": "401"}, (), "k is 401, and there are 400 people"),
    "k of one": ({"k": "1"}, (), "k is 1"),
    "unique texts": ({"quasi": "age,surname"}, (), "looks like a direct identifier"),
    "unique values": ({"sensitive": "surname"}, (), "a value that nobody else has"),
    "the subject": ({"quasi": "age,patient"}, (), "'patient'"),
    "no such column": ({"quasi": "age,size"}, (), "size"),
    "too diverse": ({"l": "4"}, (), "is not distinct 4-diverse"),
    "no such diversity": ({}, ("--diversity", "much"), "there is no diversity 'much'"),
    "no hierarchy": ({}, ("--hierarchy", "ward"), "declares nothing"),
    "no file of a hierarchy": ({}, ("--hierarchy", "ward=nowhere.csv"), "cannot be read"),
    "an order without a value": ({}, ("--order", "ward=icu,rehab"), "does not have 'surgery'"),
    "numbers and texts": ({"quasi": "age,ward,stage", "sensitive": "mixed"}, (), "--category mixed"),
    "twice": ({}, ("--order", "ward=icu", "--order", "ward=rehab"), "declared twice"),
    "no groups": ({}, ("--earlier", "nowhere.json"), "cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_published_is_refused_and_leaves_no_file(command: Command, visits: Path, case: str) -> None:
    other, more, words = REFUSED[case]
    ran = command(*asked(visits, *more, **other))
    assert ran.code == 2, ran
    assert words in ran.err
    assert ran.err.startswith("expunge: ")
    assert files(visits) == {"visits.csv"}


def test_files_that_are_one_or_of_another_kind_are_refused(command: Command, visits: Path) -> None:
    ran = command(*asked(visits)[:-1], visits)
    assert (ran.code, "the same" in ran.err) == (2, True)
    ran = command(*asked(visits)[:-1], visits.with_name("safe.xlsx"))
    assert (ran.code, "no .csv file" in ran.err) == (2, True)
    visits.with_name("groups.json").write_text('{"k": 10, "groups": [[1]]}')
    ran = command(*asked(visits, "--earlier", visits.with_name("groups.json")))
    assert (ran.code, "no file of groups" in ran.err) == (2, True)
