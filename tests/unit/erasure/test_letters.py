"""What the person reads: plain, complete, and without a name on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from importlib import resources
from pathlib import Path

import pytest

from expunge.domain.recipient import RecipientKind
from expunge.domain.request import Law, Request
from expunge.erasure import clock, decide, due, execute, holding, intake, letters, requests
from expunge.erasure.law.rules import ground, grounds, hold_ground, hold_grounds, rules
from expunge.erasure.letters import Letter, LetterFacts, Retained
from expunge.errors import InputError
from expunge.workspace.folder import Workspace
from expunge.workspace.recipients import Disclosure, Recipient

Under = Callable[..., Workspace]
COMPLAINT = {Law.GDPR: "Art. 12(4), 77 and 79", Law.CCPA: "California Privacy Protection Agency"}
NEEDS = {
    Letter.RECEIPT: set(),
    Letter.EXTENSION: {"reason", "until"},
    Letter.HOLD: {"hold"},
    Letter.REFUSAL: {"retained"},
    Letter.PARTIAL: {"retained", "erased", "certificate"},
    Letter.COMPLETION: {"certificate"},
    Letter.WITHDRAWAL: set(),
    Letter.DUPLICATE: {"duplicate_of"},
    Letter.RECIPIENT: {"recipient", "task"},
}

UNTIL = "We keep it until 2033-05-06. Then we go on with your request. You need not ask again."


def letter(workspace: Workspace, request: str, kind: str) -> str:
    return (workspace.letters / request / f"{kind}.txt").read_text(encoding="utf-8")


def every_fact(law: Law) -> LetterFacts:
    return LetterFacts(
        Request("R-123", law, datetime(2026, 11, 2, 9, tzinfo=UTC), date(2026, 12, 2)),
        until=date(2027, 2, 2),
        reason="Forty requests came in at once.",
        hold=hold_grounds(law)[0],
        retained=(
            Retained(ground(law, "no-data"), "visits"),
            Retained(ground(law, "medical-records", ["health"]), "labs", date(2033, 5, 6)),
        ),
        erased=("billing", "research"),
        certificate="C-456",
        given_out=("ridge, version 3, given out on 2026-05-04",),
        duplicate_of="R-789",
        packs=("health", "finance"),
        recipient=Recipient(
            "P-1", "Lab Ltd", RecipientKind.PROCESSOR, "2026-01-01", None, (Disclosure("D-1", "visits", "2026-05-04"),)
        ),
        task="T-123.1",
    )


def only(facts: LetterFacts, *names: str) -> LetterFacts:
    """The facts of these names, and no others."""
    return LetterFacts(facts.request, **{name: getattr(facts, name) for name in names})


@pytest.mark.parametrize(
    ("law", "right", "remedy"),
    [(Law.GDPR, "Art. 17(1)", "12(4), 77 and 79"), (Law.CCPA, "1798.105", "California Privacy Protection Agency")],
)
def test_a_refusal_names_its_ground_and_the_remedy(workspace: Workspace, law: Law, right: str, remedy: str) -> None:
    for known in grounds(law):
        request = decide.refuse(workspace, intake.submit(workspace, "71001", law).id, known.id)
        text = letter(workspace, request.id, "refusal")
        assert known.text in text
        assert f"({known.article})" in text
        assert right in text
        assert remedy in text
        assert request.received.date().isoformat() in text
        assert "71001" not in text


def test_a_completion_names_the_certificate_and_nobody(workspace: Workspace, approve: Callable[..., list[str]]) -> None:
    (request,) = approve(workspace, 71001, law=Law.CCPA)
    done = execute.erase(workspace, [request])
    text = letter(workspace, request, "completion")
    assert str(done.certificate) in text
    assert request in text
    assert "California Consumer Privacy Act" in text
    for secret in ("71001", "Grünwald", "owner"):
        assert secret not in text


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("kind", Letter)
def test_every_letter_is_written_under_every_law(kind: Letter, law: Law) -> None:
    text = letters.render(kind, every_fact(law))
    assert text.startswith(
        f"Request R-123, received 2026-11-02\nUnder: {rules(law)['name']}, {rules(law)['right']}\n\n"
    )
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\n\n\n" not in text
    for mark in ("{", "}", "None", "Undefined", "counsel", " \n", "  "):
        assert mark not in text, mark


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("kind", Letter)
def test_a_letter_lacking_a_fact_is_not_written(kind: Letter, law: Law, workspace: Workspace) -> None:
    facts = every_fact(law)
    assert letters.render(kind, only(facts, *NEEDS[kind]))
    for name in NEEDS[kind]:
        some = only(facts, *NEEDS[kind] - {name})
        with pytest.raises(InputError, match=f"{kind} letter of request R-123 lacks a fact.*'{name}'"):
            letters.render(kind, some)
    if NEEDS[kind]:
        with pytest.raises(InputError):
            letters.write(workspace, facts.request, kind)
        assert not list(workspace.letters.iterdir())


def test_an_unknown_kind_of_letter_is_refused() -> None:
    with pytest.raises(ValueError, match="_heading"):
        letters.render("_heading", every_fact(Law.GDPR))  # type: ignore[arg-type]


@pytest.mark.parametrize("law", Law)
def test_a_receipt_says_when_the_answer_is_due_and_what_happens_now(law: Law) -> None:
    text = letters.render(Letter.RECEIPT, every_fact(law))
    assert f"by 2026-12-02 at the latest ({rules(law)['clocks']['answer']['article']})" in text
    assert "we check that the request comes from you" in text
    assert "withdraw" in text


@pytest.mark.parametrize("law", Law)
def test_an_extension_gives_its_reason_the_new_day_and_the_remedy(law: Law) -> None:
    text = letters.render(Letter.EXTENSION, every_fact(law))
    assert "Why: Forty requests came in at once.\n" in text
    assert f"by 2027-02-02 at the latest ({rules(law)['clocks']['extension']['article']})" in text
    assert COMPLAINT[law] in text


@pytest.mark.parametrize("law", Law)
def test_a_hold_names_its_ground_its_end_and_the_remedy(law: Law) -> None:
    for held in hold_grounds(law, ["health", "finance"]):
        text = letters.render(Letter.HOLD, replace(every_fact(law), hold=held))
        assert f"Why: {held.text} ({held.article})\n" in text
        assert "The hold ends on 2027-02-02." in text
        assert "You need not ask again." in text
        assert COMPLAINT[law] in text
        text = letters.render(Letter.HOLD, replace(every_fact(law), hold=held, until=None))
        assert "We cannot say yet when the hold ends." in text
        assert "ends on" not in text


@pytest.mark.parametrize("law", Law)
def test_a_refusal_names_the_ground_of_each_dataset(law: Law) -> None:
    facts = every_fact(law)
    text = letters.render(Letter.REFUSAL, facts)
    none, kept = (one.ground for one in facts.retained)
    assert f"\n- Data set visits: {none.text} ({none.article})\n" in text
    assert f"\n- Data set labs: {kept.text} ({kept.article}) {UNTIL}\n" in text
    assert COMPLAINT[law] in text


@pytest.mark.parametrize("law", Law)
def test_only_who_keeps_records_under_a_duty_promises_to_use_them_for_nothing_else(law: Law) -> None:
    facts = every_fact(law)
    promise = rules(law)["keeping"]["text"]
    for kind in (Letter.REFUSAL, Letter.PARTIAL):
        assert promise in letters.render(kind, facts)
        assert promise not in letters.render(kind, replace(facts, retained=facts.retained[:1]))


@pytest.mark.parametrize("law", Law)
def test_a_partial_answer_says_what_was_erased_and_what_is_kept_until_when_and_why(law: Law) -> None:
    facts = every_fact(law)
    text = letters.render(Letter.PARTIAL, facts)
    kept = facts.retained[1].ground
    assert "Erased:\n- Data set billing\n- Data set research\n" in text
    assert f"- Data set labs: {kept.text} ({kept.article}) {UNTIL}\n" in text
    assert "certificate C-456" in text
    assert COMPLAINT[law] in text


@pytest.mark.parametrize("law", Law)
def test_a_partial_answer_says_of_models_what_the_grounds_let_it_say(law: Law) -> None:
    facts = every_fact(law)
    records_only = "What we keep, we keep as records only."
    some_models = "models that learned from what we keep are kept too"
    text = letters.render(Letter.PARTIAL, replace(facts, retained=facts.retained[1:]))
    assert records_only in text
    assert some_models not in text
    text = letters.render(Letter.PARTIAL, facts)
    assert records_only not in text
    assert some_models in text


def test_copies_that_were_given_out_are_listed() -> None:
    facts = every_fact(Law.GDPR)
    for kind in (Letter.COMPLETION, Letter.PARTIAL):
        assert "does not reach them:\n- ridge, version 3, given out on 2026-05-04\n" in letters.render(kind, facts)
        unlisted = letters.render(kind, replace(facts, given_out=()))
        assert "names copies of models that were given out before, which it does not reach" in unlisted


@pytest.mark.parametrize("kind", [Letter.REFUSAL, Letter.PARTIAL])
def test_hipaa_is_explained_once_to_whom_it_concerns(kind: Letter) -> None:
    facts = every_fact(Law.CCPA)
    hipaa = Retained(ground(Law.CCPA, "1798.146"), "visits")
    facts = replace(facts, retained=(hipaa, replace(hipaa, dataset="labs")))
    sentence = "gives no right to have them erased. It gives you the right to ask us to amend them. (45 CFR 164.526)"
    assert letters.render(kind, facts).count(sentence) == 1
    assert sentence not in letters.render(kind, replace(facts, packs=("finance",)))
    assert sentence not in letters.render(kind, replace(facts, retained=every_fact(Law.CCPA).retained[:1]))


def test_hipaa_is_explained_to_whom_a_hold_on_medical_records_concerns() -> None:
    held = hold_ground(Law.CCPA, "medical-records", ["health"])
    text = letters.render(Letter.HOLD, replace(every_fact(Law.CCPA), hold=held, retained=()))
    assert text.count("45 CFR 164.526") == 1


def test_only_who_refuses_reminds_of_the_right_to_opt_out() -> None:
    facts = every_fact(Law.CCPA)
    reminder = "If we sell or share personal information"
    for kind in Letter:
        stated = letters.render(kind, only(facts, *NEEDS[kind]))
        assert (reminder in stated) == (kind in {Letter.REFUSAL, Letter.PARTIAL})


def test_what_counsel_reviews_is_in_templates_that_say_so() -> None:
    folder = resources.files("expunge.erasure.law").joinpath("letters")
    files = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    assert {name for name in files if not name.startswith("_")} == {f"{kind}.txt.j2" for kind in Letter}
    assert all(re.match(r"\{# For counsel: not reviewed\.[^\n]*#\}\n", text) for text in files.values())
    included = {name for text in files.values() for name in re.findall(r'include "([^"]+)"', text)}
    assert included == {name for name in files if name.startswith("_")}


def words_of_sentences(text: str) -> list[int]:
    """How many words each sentence has, articles in brackets apart."""
    text = re.sub(r"\(\D*\d[^\n]*?\)(?=[ .\n])", "", text)
    return [len(re.findall(r"[A-Za-z'-]+", one)) for one in re.split(r"(?<=[.:])\s|\n", text) if one.strip()]


@pytest.mark.parametrize("law", Law)
@pytest.mark.parametrize("kind", Letter)
def test_sentences_are_short(kind: Letter, law: Law) -> None:
    """A proxy of plain words: at most 13 words a sentence on average, and 26 in any."""
    lengths = words_of_sentences(letters.render(kind, every_fact(law)).split("\n\n", 1)[1])
    assert max(lengths) <= 26
    assert sum(lengths) / len(lengths) <= 13


@pytest.mark.parametrize("law", Law)
def test_the_plain_readings_are_short(law: Law) -> None:
    packs = ["health", "finance"]
    for text in [one.text for one in grounds(law, packs)] + [one.text for one in hold_grounds(law, packs)]:
        assert max(words_of_sentences(text)) <= 26, text


def test_a_long_sentence_would_be_found() -> None:
    assert words_of_sentences("We keep it (Art. 17(3)(b)). " + "on and " * 20 + "on.\n") == [3, 41]


def test_a_letter_is_plain_text_and_escapes_nothing() -> None:
    facts = replace(every_fact(Law.GDPR), erased=("R&D <2026>",))
    assert "- Data set R&D <2026>\n" in letters.render(Letter.PARTIAL, facts)


def test_a_letter_written_again_has_the_same_bytes(workspace: Workspace) -> None:
    facts = every_fact(Law.GDPR)
    said = {field.name: getattr(facts, field.name) for field in fields(facts) if field.name != "request"}
    paths: list[Path] = []
    for kind in Letter:
        path = letters.write(workspace, facts.request, kind, **said)
        once = path.read_bytes()
        assert letters.write(workspace, facts.request, kind, **said) == path
        assert path.read_bytes() == once == letters.render(kind, facts).encode()
        paths.append(path)
    assert {path.relative_to(workspace.letters).as_posix() for path in paths} == {
        f"R-123/{'recipient-P-1' if kind is Letter.RECIPIENT else kind}.txt" for kind in Letter
    }
    assert sorted(path for path in workspace.letters.rglob("*") if path.is_file()) == sorted(paths)


def test_the_day_of_receipt_is_that_of_the_office(workspace: Workspace) -> None:
    """Half past midnight in Auckland is noon of the day before in UTC."""
    received = datetime(2026, 11, 3, 0, 30, tzinfo=timezone(timedelta(hours=13)))
    request = intake.submit(workspace, "71001", Law.GDPR, received)
    with workspace.vault.transaction() as connection:
        assert requests.load(connection, request.id).to_dict()["received"] == "2026-11-03T00:30:00+13:00"
    assert (
        f"Request {request.id}, received 2026-11-03\n" in (workspace.letters / request.id / "receipt.txt").read_text()
    )
    assert request.due == date(2026, 12, 3)
    (line,) = due.overview(workspace)
    assert line.to_dict()["received"] == "2026-11-03"


def test_a_letter_that_may_have_been_sent_is_not_changed(workspace: Workspace, under: Under) -> None:
    hospital = under(workspace, packs=("health",))
    request = intake.submit(hospital, "71001", Law.CCPA)
    holding.hold(hospital, request.id, "medical-records", clock.today() + timedelta(days=40))
    letter = workspace.letters / request.id / "hold.txt"
    before = letter.read_bytes()
    without = under(workspace, packs=())
    intake.submit(without, "71014", Law.GDPR)
    assert letter.read_bytes() == before
    letter.unlink()
    intake.submit(without, "71027", Law.GDPR)
    assert (b"HIPAA" in before, b"HIPAA" in letter.read_bytes()) == (True, False), "written today it would say less"
