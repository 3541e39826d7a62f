"""A release keeps what the rules say, by an oracle that shares no code with it, and carries nothing else."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from expunge.errors import InputError
from expunge.privacy import Diversity, Hierarchy, Release, Rules, generalise

if TYPE_CHECKING:
    from tests.unit.privacy.conftest import Oracle

QUASI = ("age", "ward", "place", "stage")
SENSITIVE = ("ill", "dose")
STAGES = ("low", "mid", "high")
PLACES = Hierarchy([["ulm", "south"], ["wien", "south"], ["kiel", "north"], ["oslo", "far", "north"]])
SPANS = {place: set(path) | {place, "*"} for place, path in ((one[0], one) for one in PLACES.paths)}


@dataclass(frozen=True)
class Case:
    frame: pd.DataFrame
    subjects: list[int]
    rules: Rules


@st.composite
def cases(draw: st.DrawFn, *, single: bool = False) -> Case:
    """Draw a table and rules that it keeps as a whole, more often than not."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    people = draw(st.integers(4, 60))
    rows = np.arange(people) if single else np.repeat(np.arange(people), rng.integers(1, 4, people))
    n = len(rows)
    age = rng.integers(0, draw(st.sampled_from([3, 20, 90])), n).astype(float)
    age[rng.random(n) < draw(st.sampled_from([0.0, 0.1]))] = np.nan
    frame = pd.DataFrame(
        {
            "age": age,
            "ward": rng.choice(np.array(["icu", "north", "rehab", None], dtype=object), n),
            "place": rng.choice(np.array(list(SPANS), dtype=object), n),
            "stage": rng.choice(np.array(STAGES, dtype=object), n),
            "ill": rng.choice(np.array(["flu", "gout", "none", "tbc"], dtype=object), n, p=[0.3, 0.3, 0.3, 0.1]),
            "dose": rng.integers(0, 4, n).astype(float),
        }
    )
    rules = Rules(
        k=draw(st.integers(2, 4)),
        l=draw(st.integers(1, 2)),
        diversity=draw(st.sampled_from(Diversity)),
        t=draw(st.sampled_from([None, 0.3, 0.6])),
        suppress=draw(st.sampled_from([0.0, 0.2])),
    )
    return Case(frame, (100 + rows).tolist(), rules)


def inside(label: str, cell: Any, column: str) -> bool:
    """Whether what is published can stand for a cell."""
    if label == "*":
        return True
    text = "missing" if pd.isna(cell) else cell
    if column == "place":
        return label in SPANS[cell]
    if column == "ward":
        return text in label.split(" | ")
    if text == "missing" or label == "missing":
        return text == label
    low, _, high = label.partition(" to ")
    if column == "stage":
        return STAGES.index(low) <= STAGES.index(cell) <= STAGES.index(high or low)
    return bool(float(low) <= cell <= float(high or low))


def classes(frame: pd.DataFrame, quasi: Sequence[str] = QUASI) -> dict[tuple[str, ...], pd.DataFrame]:
    """Rows that look alike."""
    return {tuple(map(str, labels)): rows for labels, rows in frame.groupby(list(quasi), sort=False)}


def members(release: Release) -> dict[int, list[Any]]:
    """People of each group."""
    found: dict[int, list[Any]] = defaultdict(list)
    for person, group in release.groups.items():
        found[group].append(person)
    found.pop(-1, None)
    return found


def made(case: Case, order: Any = None) -> Release:
    frame, subjects = case.frame, np.array(case.subjects)
    if order is not None:
        frame, subjects = frame.iloc[order], subjects[order]
    try:
        return generalise(
            frame,
            case.rules,
            subjects=subjects,
            quasi=QUASI,
            sensitive=SENSITIVE,
            hierarchies={"place": PLACES},
            orders={"stage": STAGES},
        )
    except InputError as error:
        assume("as a whole" not in str(error))
        raise


def spelled(rows: pd.DataFrame) -> list[tuple[str, ...]]:
    """Sensitive cells as they are published."""
    return sorted((ill, f"{dose:g}") for ill, dose in zip(rows["ill"], rows["dose"], strict=True))


@given(cases())
@settings(max_examples=60, deadline=None)
def test_every_group_is_as_the_rules_say(oracle: Oracle, case: Case) -> None:
    release = made(case)
    subjects, frame = np.array(case.subjects), case.frame
    groups, published = members(release), classes(release.frame)
    assert min(map(len, groups.values())) >= case.rules.k
    assert release.suppressed <= case.rules.suppress * len(set(case.subjects))
    assert sum(map(len, groups.values())) == len(set(case.subjects)) - release.suppressed
    # The published classes are the groups: same rows of sensitive cells, none lost, none added.
    expected = Counter(tuple(spelled(frame[np.isin(subjects, people)])) for people in groups.values())
    found = Counter(tuple(sorted(zip(rows["ill"], rows["dose"], strict=True))) for rows in published.values())
    assert found == expected
    everybody = np.isin(subjects, [person for people in groups.values() for person in people])
    for people in groups.values():
        rows = np.isin(subjects, people)
        for name in SENSITIVE:
            order = sorted(set(map(str, frame["dose"].astype(int)))) if name == "dose" else None
            of = frame[name].map(lambda cell: f"{cell:g}" if isinstance(cell, float) else cell).to_numpy()
            pairs = list({(person, value) for person, value in zip(subjects, of, strict=True)})
            countings = (
                (list(of[rows]), list(of[everybody])),
                (
                    [value for person, value in pairs if person in people],
                    [value for person, value in pairs if release.groups[person] >= 0],
                ),
            )
            for values, whole in countings:
                assert case.rules.l == 1 or oracle.diverse(values, case.rules)
                assert case.rules.t is None or oracle.distance(values, whole, order) <= case.rules.t + 1e-6
            if case.rules.l > 1:
                assert max(Counter(countings[1][0]).values()) < len(people)


@given(cases())
@settings(max_examples=60, deadline=None)
def test_every_row_is_inside_its_published_box_and_an_attacker_finds_no_fewer_than_k(case: Case) -> None:
    release = made(case)
    subjects = np.array(case.subjects)
    matching: dict[tuple[str, ...], set[int]] = {}
    for labels in classes(release.frame):
        fits = [
            all(inside(label, row[name], name) for label, name in zip(labels, QUASI, strict=True))
            for row in case.frame.to_dict("records")
        ]
        matching[labels] = {person for person in set(case.subjects) if np.array(fits)[subjects == person].all()}
        assert len(matching[labels]) >= case.rules.k
    in_some = set().union(*matching.values())
    assert {person for person, group in release.groups.items() if group >= 0} <= in_some


@given(cases())
@settings(max_examples=40, deadline=None)
def test_equal_rows_in_any_order_give_equal_bytes(case: Case) -> None:
    order = np.random.default_rng(len(case.subjects)).permutation(len(case.subjects))
    release, again = made(case), made(case, order)
    assert again.to_csv() == release.to_csv()
    assert again.after == release.after
    same = {person: set(people) for people in members(release).values() for person in people}
    assert all(same[person] == set(people) for people in members(again).values() for person in people)


@given(cases(single=True))
@settings(max_examples=30, deadline=None)
def test_names_of_people_and_of_rows_decide_nothing(case: Case) -> None:
    renamed = Case(case.frame.set_axis(np.arange(len(case.frame)) + 7), [9 * one for one in case.subjects], case.rules)
    assert made(renamed).to_csv() == made(case).to_csv()


def people(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "name": [f"Person {number}" for number in range(n)],
            "age": rng.integers(18, 95, n),
            "weight": np.round(rng.normal(75, 12, n), 3),
            "ward": rng.choice(["icu", "north", "rehab"], n),
            "ill": rng.choice(["flu", "gout", "none"], n),
        }
    )


def release_of(frame: pd.DataFrame, rules: Rules | None = None, **more: Any) -> Release:
    given = {"subjects": range(len(frame)), "quasi": ["age", "ward"], "sensitive": ["ill"]} | more
    return generalise(frame, rules or Rules(k=5, l=2), **given)


def test_row_order_index_and_labels_of_groups_find_nobody() -> None:
    # Sorted by a secret, the input's order is the answer; a published table must not know it.
    frame = people(400).sort_values("weight")
    release = release_of(frame)
    assert list(release.frame.columns) == ["age", "ward", "ill"]
    assert release.frame.index.equals(pd.RangeIndex(400))
    rows = list(release.frame.itertuples(index=False, name=None))
    by_group = [labels for labels, _ in classes(release.frame, ["age", "ward"]).items()]
    seen = [row[:2] for row in rows]
    assert [one for place, one in enumerate(seen) if place == 0 or seen[place - 1] != one] == by_group
    for labels in by_group:  # within a group, in the order of what stands there
        ills = [row[2] for row in rows if row[:2] == labels]
        assert ills == sorted(ills)
    shuffled = frame.sample(frac=1, random_state=3)
    assert release_of(shuffled).to_csv() == release.to_csv()


def test_how_a_cell_is_spelled_finds_nobody() -> None:
    frame = people(100)
    frame["dose"] = np.arange(100) % 4 / 4
    marked = frame.astype({"ill": object, "ward": object})
    marked["ill"] = [f"  {ill} " if row == 7 else ill for row, ill in enumerate(frame["ill"])]
    marked["ward"] = [f"{ward}\u00a0" if row == 8 else ward for row, ward in enumerate(frame["ward"])]
    marked["dose"] = [-0.0 if dose == 0 and row < 50 else dose for row, dose in enumerate(frame["dose"])]
    more: dict[str, Any] = {"sensitive": ["ill", "dose"]}
    upper = [ill.upper() if row == 7 else ill for row, ill in enumerate(frame["ill"])]
    assert release_of(frame.assign(ill=upper)).frame["ill"].nunique() == 3
    assert release_of(marked, **more).to_csv() == release_of(frame, **more).to_csv()


def test_numbers_have_one_spelling() -> None:
    frame = people(60)
    frame["dose"] = [1.0, 2.5, 1e16] * 20
    assert set(release_of(frame, sensitive=["dose"]).frame["dose"]) == {"1", "2.5", "1e+16"}
    assert not release_of(frame).to_csv().count(b"\r")


def test_columns_that_were_not_named_are_not_published() -> None:
    assert b"Person" not in release_of(people(100)).to_csv()
    assert b"weight" not in release_of(people(100)).to_csv()


def test_people_are_counted_not_rows() -> None:
    # Three people with four rows each are no group of k = 10.
    frame = pd.DataFrame({"age": [30] * 4 + [40] * 4 + [50] * 4, "ill": ["a", "b"] * 6})
    with pytest.raises(InputError, match=r"k is 10, and there are 3 people"):
        generalise(frame, Rules(k=10), subjects=np.repeat([1, 2, 3], 4), quasi=["age"], sensitive=["ill"])
    whole = generalise(frame, Rules(k=3), subjects=np.repeat([1, 2, 3], 4), quasi=["age"], sensitive=["ill"])
    assert set(whole.frame["age"]) == {"30 to 50"}


def test_a_value_that_everybody_in_a_group_has_is_not_hidden_by_another_one() -> None:
    frame = pd.DataFrame({"age": [30, 30, 31, 60, 61], "ill": ["a", "b", "a", "a", "c"]})
    with pytest.raises(InputError, match="one that everybody has"):
        generalise(frame, Rules(k=2, l=2), subjects=[1, 1, 2, 3, 3], quasi=["age"], sensitive=["ill"])


def test_who_stands_apart_is_left_out_where_that_is_worth_it() -> None:
    frame = pd.DataFrame({"age": [20, 20, 21, 21, 22, 22, 99], "ill": list("abababa")})
    more: dict[str, Any] = {"subjects": range(7), "quasi": ["age"], "sensitive": ["ill"]}
    kept, left = (generalise(frame, Rules(k=6, suppress=share), **more) for share in (0.0, 0.2))
    assert set(kept.frame["age"]) == {"20 to 99"}
    assert set(left.frame["age"]) == {"20 to 22"}
    assert (left.suppressed, left.groups[6]) == (1, -1)
    assert left.after.loss.ncp < kept.after.loss.ncp


def test_categories_without_a_hierarchy_are_sets_whatever_they_are_called() -> None:
    # As numbers 1 to 4 the frequent 1 and 4 would never be together without 2 and 3.
    frame = pd.DataFrame({"kind": ["1"] * 9 + ["2"] + ["3"] + ["4"] * 9, "ill": list("ab") * 10})
    labels = set(release_of(frame, Rules(k=3), quasi=["kind"]).frame["kind"])
    renamed = frame.replace({"kind": {"1": "x", "4": "w", "2": "z", "3": "y"}})
    assert len(labels) == len(set(release_of(renamed, Rules(k=3), quasi=["kind"]).frame["kind"])) == 2
    assert all("to" not in label for label in labels)


def test_measures_get_worse_and_risk_better_with_k() -> None:
    frame = people(600)
    found = [release_of(frame, Rules(k=k)) for k in (2, 5, 20)]
    losses = [one.after.loss.ncp for one in found]
    risks = [one.after.risk.prosecutor for one in found]
    assert losses == sorted(losses)
    assert risks == sorted(risks, reverse=True)
    assert found[0].before.loss.ncp == 0
    assert found[0].before.risk.unique > 0 == found[0].after.risk.unique


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"quasi": []}, "no quasi-identifier is named"),
        ({"quasi": ["age", "size"]}, "there is no column 'size'"),
        ({"quasi": ["age", "ill"]}, "said to be quasi-identifying and sensitive"),
        ({"quasi": ["age", "age"]}, "column 'age' is named twice"),
        ({"quasi": ["age", "name"]}, "it looks like a direct identifier"),
        ({"sensitive": ["weight"]}, "have a value that nobody else has"),
        ({"sensitive": ["name"]}, "have a value that nobody else has"),
        ({"orders": {"ward": ["icu", "north"]}}, "the order does not have 'rehab'"),
        ({"hierarchies": {"ward": PLACES}}, "the hierarchy does not have 'icu'"),
        ({"hierarchies": {"ill": PLACES}}, "column 'ill' is no quasi-identifier"),
        ({"subjects": [1, 2]}, "have 2 subjects"),
        ({"subjects": [None] * 60}, "a row has no subject"),
        ({"sensitive": [], "rules": Rules(k=2, l=2)}, "no column is sensitive"),
        ({"rules": Rules(k=2, l=4)}, "as a whole is not distinct 4-diverse: it has 3 values"),
        ({"rules": Rules(k=61)}, "k is 61, and there are 60 people"),
        ({"rules": Rules(k=2, l=3, diversity=Diversity.RECURSIVE, c=0.5)}, "is not recursive 3-diverse"),
    ],
)
def test_what_cannot_be_published_is_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        release_of(people(60), **more)


def test_infinite_numbers_and_parting_signs_are_refused() -> None:
    frame = people(60)
    with pytest.raises(InputError, match="infinite"):
        release_of(frame.assign(age=np.inf))
    with pytest.raises(InputError, match="which parts values"):
        release_of(frame.assign(ward="a | b"))
    with pytest.raises(InputError, match="is empty"):
        release_of(frame.assign(age=np.nan))


def test_warnings_say_what_is_not_hidden() -> None:
    frame = people(60)
    assert release_of(frame).warnings == ()
    rare = frame.assign(ill=["very rare", *frame["ill"][1:]])
    assert "people with a value that nobody else has: 1;" in release_of(rare).warnings[0]
    assert "neither l nor t" in release_of(frame, Rules(k=5)).warnings[0]
    assert "no column is sensitive" in release_of(frame, Rules(k=5), sensitive=[]).warnings[0]
    assert "names people" in release_of(frame.rename(columns={"ward": "last_name"}), quasi=["last_name"]).warnings[0]
    twice = pd.concat([frame, frame])
    assert "up to 2 rows" in release_of(twice, subjects=[*range(60), *range(60)]).warnings[-1]


def test_a_hundred_thousand_rows_take_seconds() -> None:
    rng = np.random.default_rng(0)
    n = 100_000
    frame = pd.DataFrame(
        {
            "age": rng.integers(17, 91, n),
            "hours": rng.integers(1, 100, n),
            "years": rng.integers(1, 17, n),
            "country": rng.choice([f"c{number}" for number in range(42)], n),
            "status": rng.choice(list("abcdefg"), n),
            "sex": rng.choice(["f", "m"], n),
            "ill": rng.choice([f"i{number}" for number in range(15)], n),
        }
    )
    before = time.process_time()
    release = release_of(frame, Rules(k=10, l=2), quasi=list(frame.columns[:6]))
    took = time.process_time() - before
    assert release.after.risk.smallest >= 10
    assert took < 6  # 1 to 2 on an idle core; the bound is for a busy one
