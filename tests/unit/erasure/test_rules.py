"""Grounds, holds and packs, held against the statutes and against how people write them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest

from expunge.domain.request import Law
from expunge.erasure.law import data
from expunge.erasure.law.rules import ground, grounds, hold_ground, hold_grounds, known_packs, notices, rules
from expunge.errors import InputError

RULES = {"article", "text"}
"""What every rule in a data file has."""
SECTIONS = {"clocks", "remedies", "refused", "grounds", "holds", "notices"}
"""Where rules stand in a data file, one by one."""


def every_file() -> list[str]:
    folder = resources.files("expunge.erasure.law")
    found = [*folder.iterdir(), *folder.joinpath("packs").iterdir()]
    return sorted(str(file) for file in found if file.name.endswith(".json"))


def rules_in(value: Any, within: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every rule of a data file, with the section where it stands."""
    if isinstance(value, dict):
        if "article" in value or "text" in value:
            yield within, value
        for name, part in value.items():
            yield from rules_in(part, name if name in SECTIONS else within)
    if isinstance(value, list):
        for part in value:
            yield from rules_in(part, within)


@pytest.mark.parametrize(
    "spelled", ["17(3)(b)", "17-3-b", "17.3.B", "Art. 17(3)(b)", "art 17 (3) (b)", " Article 17(3)(b) ", "173b"]
)
def test_the_spelling_of_a_ground_does_not_matter(spelled: str) -> None:
    assert ground(Law.GDPR, spelled).id == "17(3)(b)"


@pytest.mark.parametrize("spelled", ["no-data", "No data", "NO_DATA"])
@pytest.mark.parametrize("law", Law)
def test_every_law_has_the_ground_no_data(law: Law, spelled: str) -> None:
    assert ground(law, spelled).id == "no-data"


@pytest.mark.parametrize(
    ("law", "name"),
    [(Law.GDPR, "1798.105(d)"), (Law.CCPA, "17(3)(b)"), (Law.GDPR, "17(3)(f)"), (Law.GDPR, ""), (Law.GDPR, "Art.")],
)
def test_a_ground_that_the_law_does_not_know_is_refused_with_those_it_knows(law: Law, name: str) -> None:
    with pytest.raises(InputError, match="no-data") as caught:
        ground(law, name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("law", Law)
def test_every_ground_is_found_under_its_own_name_and_no_other(law: Law) -> None:
    known = grounds(law)
    assert [ground(law, one.id) for one in known] == list(known)
    assert all(one.article and one.text.endswith(".") for one in known)


def test_the_grounds_are_those_of_the_statutes() -> None:
    assert {one.id for one in grounds(Law.GDPR)} == {
        *("no-data", "17(1)", "12(5)", "12(6)", "11(2)"),
        *(f"17(3)({letter})" for letter in "abcde"),
    }
    assert {one.id for one in grounds(Law.CCPA)} == {
        *("no-data", "1798.105(d)", "1798.145", "1798.146", "not-verifiable"),
        *(f"1798.105(d)({number})" for number in range(1, 9)),
        *(f"1798.145({letter})" for letter in "ade"),
    }


def test_the_clocks_name_their_articles() -> None:
    for law in Law:
        assert all(clock["article"] for clock in rules(law)["clocks"].values())


def test_there_is_a_data_file_for_every_law_and_pack() -> None:
    names = {re.split(r"[/\\]", file)[-1] for file in every_file()}
    assert names == {"calendars.json", *(f"{law}.json" for law in Law), *(f"{pack}.json" for pack in known_packs())}


@pytest.mark.parametrize("file", every_file())
def test_every_rule_has_an_article_and_a_plain_reading(file: str) -> None:
    with open(file, encoding="utf-8") as opened:  # noqa: PTH123  # its own str of a path
        content = json.load(opened)
    found = list(rules_in(content))
    assert len(found) >= 2
    for section, rule in found:
        assert rule.keys() >= RULES, rule
        assert rule["article"].strip()
        assert rule["text"].endswith(".")
        assert rule["text"][0].isupper()
        assert rule.get("review", "For counsel: ").startswith("For counsel: ")
        if section in {"grounds", "holds"}:
            assert rule["id"].strip()
        if section == "grounds":
            assert rule["covers"] in {"records", "processing"}
        if section in {"clocks", ""} and {"days", "months", "business_days"} & rule.keys():
            assert all(rule[unit] > 0 for unit in {"days", "months", "business_days"} & rule.keys())


def test_a_rule_without_its_article_would_be_found() -> None:
    found = list(rules_in({"laws": {"gdpr": {"grounds": [{"id": "x", "text": "No article."}]}}}))
    assert found == [("grounds", {"id": "x", "text": "No article."})]


@pytest.mark.parametrize("file", [file for file in every_file() if not file.endswith("calendars.json")])
def test_every_law_and_pack_says_that_counsel_has_not_reviewed_it(file: str) -> None:
    with open(file, encoding="utf-8") as opened:  # noqa: PTH123  # its own str of a path
        assert "not reviewed" in json.load(opened)["review"]


@pytest.mark.parametrize("law", Law)
def test_no_two_grounds_are_called_the_same_even_with_every_pack(law: Law) -> None:
    for known in (grounds(law, known_packs()), hold_grounds(law, known_packs())):
        plain = [re.sub("[^a-z0-9]", "", one.id.lower()) for one in known]
        assert len(plain) == len(set(plain))


@pytest.mark.parametrize(
    ("law", "name"),
    [
        *((Law.GDPR, name) for name in ("17(3)(b)", "17(3)(e)", "medical-records", "anti-money-laundering")),
        *((Law.CCPA, f"1798.105(d)({number})") for number in (1, 3, 5, 8)),
        *((Law.CCPA, name) for name in ("1798.105(d)", "1798.145(a)", "medical-records", "regulation-b")),
        (Law.CCPA, "anti-money-laundering"),
    ],
)
def test_a_duty_to_keep_records_covers_records_alone_so_that_models_forget(law: Law, name: str) -> None:
    assert ground(law, name, known_packs()).covers == "records"


@pytest.mark.parametrize(
    ("law", "name"),
    [
        *((Law.GDPR, name) for name in ("no-data", "17(1)", "12(5)", "12(6)", "11(2)")),
        *((Law.GDPR, f"17(3)({letter})") for letter in "acd"),
        *((Law.CCPA, f"1798.105(d)({number})") for number in (2, 4, 6, 7)),
        *((Law.CCPA, name) for name in ("no-data", "1798.145", "1798.145(d)", "1798.145(e)", "1798.146")),
        (Law.CCPA, "not-verifiable"),
    ],
)
def test_other_grounds_cover_the_processing_as_a_whole(law: Law, name: str) -> None:
    assert ground(law, name).covers == "processing"


def test_the_holds_are_those_of_the_statutes() -> None:
    assert {one.id for one in hold_grounds(Law.GDPR)} == {
        *("17(3)(b)", "17(3)(e)", "12(6)"),
        *(f"18(1)({letter})" for letter in "abcd"),
    }
    assert {one.id for one in hold_grounds(Law.CCPA)} == {"1798.105(d)(8)", "1798.145(a)", "verification"}


@pytest.mark.parametrize(
    ("law", "name", "pack", "lasts", "article"),
    [
        (Law.CCPA, "Regulation B", "finance", 25, "12 CFR 1002.12(b)"),
        (Law.CCPA, "anti-money-laundering", "finance", 60, "31 CFR 1010.430"),
        (Law.GDPR, "anti-money-laundering", "finance", 60, "Directive (EU) 2015/849 Art. 40(1)"),
        (Law.CCPA, "medical records", "health", None, "1798.105(d)(8) with state law"),
        (Law.GDPR, "medical-records", "health", None, "Art. 17(3)(b)"),
    ],
)
def test_a_pack_adds_hold_grounds_with_how_long_they_last(
    law: Law, name: str, pack: str, lasts: int | None, article: str
) -> None:
    found = hold_ground(law, name, [pack])
    assert found.lasts == lasts
    assert article in found.article
    assert (found.review or "").startswith("For counsel")
    with pytest.raises(InputError, match=re.escape(repr(name))):
        hold_ground(law, name)


def test_the_health_pack_stresses_public_health_and_research() -> None:
    added = {one.article for one in grounds(Law.GDPR, ["health"])} - {one.article for one in grounds(Law.GDPR)}
    assert any("17(3)(c)" in article and "9(2)(i)" in article for article in added)
    assert any("17(3)(d)" in article and "89(1)" in article for article in added)


@pytest.mark.parametrize("law", Law)
def test_a_pack_takes_nothing_away(law: Law) -> None:
    assert grounds(law, known_packs())[: len(grounds(law))] == grounds(law)
    assert hold_grounds(law, known_packs())[: len(hold_grounds(law))] == hold_grounds(law)


@pytest.mark.parametrize("law", Law)
def test_a_hold_ground_that_the_law_does_not_know_is_refused_with_those_it_knows(law: Law) -> None:
    with pytest.raises(InputError, match="for a hold") as caught:
        hold_ground(law, "because")
    assert all(one.id in str(caught.value) for one in hold_grounds(law))


def test_an_unknown_pack_is_refused_with_those_that_there_are() -> None:
    assert known_packs() == ("finance", "health")
    for name in ("army", "../gdpr", ""):
        with pytest.raises(InputError, match="Packs are: finance, health"):
            data.pack(name)
        with pytest.raises(InputError, match=re.escape(repr(name))):
            ground(Law.GDPR, "12(5)", [name])


def test_hipaa_gives_no_right_of_erasure_and_the_health_pack_says_so() -> None:
    hipaa = ground(Law.CCPA, "1798.146")
    (said,) = notices(Law.CCPA, hipaa, ["finance", "health"])
    assert "gives no right to have them erased" in said
    assert "45 CFR 164.526" in said
    assert notices(Law.CCPA, hold_ground(Law.CCPA, "medical-records", ["health"]), ["health"]) == (said,)
    assert notices(Law.CCPA, hipaa) == ()
    assert notices(Law.CCPA, ground(Law.CCPA, "1798.145"), ["health"]) == ()
    assert notices(Law.GDPR, ground(Law.GDPR, "17(3)(c)"), ["health"]) == ()


def test_every_notice_is_about_a_ground_that_there_is() -> None:
    for name in known_packs():
        for law, part in data.pack(name)["laws"].items():
            known = {one.id for one in grounds(law, [name])} | {one.id for one in hold_grounds(law, [name])}
            assert all(set(notice["grounds"]) <= known for notice in part["notices"])
