"""What is to be sent to the requester: plain words in ``DIR/letters/ID/KIND.txt``, without a name on it.

The words are templates, ``law/letters/KIND.txt.j2``, and sentences of the laws' data files: what counsel reviews is
there. The first line of each template states its review; it is not printed.

Invariants
----------
- A letter is a function of its facts, and is written once: what may have been sent is not changed afterwards. Those to
  recipients, until they are told, say what they have by then.
- It holds request ids, dates, names of datasets, articles: no name and no id of a person. (The reason of an extension
  is what the office typed.)
- A fact that a template needs and that is not given is an error, never a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, UndefinedError, select_autoescape

from expunge.domain.request import Request
from expunge.erasure.law.rules import Ground, HoldGround, ground, known_packs, notices, rules
from expunge.errors import InputError
from expunge.vault.store import FEW, sync_folder, write_all_atomically, write_atomically
from expunge.workspace.folder import Workspace
from expunge.workspace.recipients import Recipient


class Letter(StrEnum):
    """The kinds of letters; each has a template of its name."""

    RECEIPT = "receipt"
    EXTENSION = "extension"
    HOLD = "hold"
    REFUSAL = "refusal"
    PARTIAL = "partial"
    COMPLETION = "completion"
    WITHDRAWAL = "withdrawal"
    DUPLICATE = "duplicate"
    RECIPIENT = "recipient"


@dataclass(frozen=True)
class Retained:
    """What is not erased, and why; `dataset` is its display name, None for all that was asked for."""

    ground: Ground
    dataset: str | None = None
    until: date | None = None


@dataclass(frozen=True)
class LetterFacts:
    """What a letter says; what is empty it does not say.

    Parameters
    ----------
    request : Request
    until : date, optional
        Of an extension, the new last day; of a hold, its end.
    reason : str, optional
        Why the time was extended, in the office's own words; it must name nobody.
    hold : HoldGround, optional
    retained : tuple of Retained
        Of a refusal or a partial erasure: what is kept, on which ground.
    erased : tuple of str
        Of a partial erasure: display names of the datasets from which the person was erased.
    certificate : str, optional
        The certificate's id.
    given_out : tuple of str
        Copies that were given out and that the certificate does not reach.
    duplicate_of : str, optional
        The id of the request that this one repeats.
    packs : tuple of str
        The workspace's policy packs.
    recipient : Recipient, optional
        Of a letter to a recipient: to whom, with what was disclosed to it.
    task : str, optional
        Of such a letter: its number.
    """

    request: Request
    until: date | None = None
    reason: str | None = None
    hold: HoldGround | None = None
    retained: tuple[Retained, ...] = ()
    erased: tuple[str, ...] | None = None
    certificate: str | None = None
    given_out: tuple[str, ...] = ()
    duplicate_of: str | None = None
    packs: tuple[str, ...] = ()
    recipient: Recipient | None = None
    task: str | None = None


def render(kind: Letter, facts: LetterFacts) -> str:
    """Return the letter's text, one line per paragraph.

    Raises
    ------
    InputError
        Where a fact is missing that this kind of letter states.
    """
    given = {field.name: getattr(facts, field.name) for field in fields(facts)}
    # That no dataset was erased, since only models forgot, is a fact too.
    stated = {name: fact for name, fact in given.items() if fact or (name == "erased" and fact is not None)}
    template = _templates().get_template(f"{Letter(kind)}.txt.j2")
    try:
        return template.render(stated, law=rules(facts.request.law), notices=_notices(facts))
    except UndefinedError as error:
        raise InputError(
            f"the {kind} letter of request {facts.request.id} lacks a fact: {error.message}.", mend="State it."
        ) from error


def retained_in(request: Request, names: Mapping[str, str]) -> tuple[Retained, ...]:
    """Return what a request is refused, by dataset, with the names of the datasets."""
    return tuple(
        Retained(ground(request.law, one.ground, known_packs()), names[one.dataset], one.until)
        for one in request.refusals
    )


def write(workspace: Workspace, request: Request, kind: Letter, **facts: Any) -> Path:
    """Write a letter into the folder of its request, where it does not stand there yet.

    Parameters
    ----------
    **facts
        The other fields of `LetterFacts`.

    Returns
    -------
    Path
        ``DIR/letters/ID/KIND.txt``.

    Raises
    ------
    InputError
        Where a fact is missing that this kind of letter states; nothing is written.
    """
    told = LetterFacts(request, **facts)
    write_all(workspace, kind, [told])
    return path_of(workspace, kind, told)


def write_all(workspace: Workspace, kind: Letter, told: Iterable[LetterFacts]) -> None:
    """Write one kind of letter to many, as `write` does."""
    at = {path_of(workspace, kind, facts): facts for facts in told}
    lacking = {path: facts for path, facts in at.items() if kind is Letter.RECIPIENT or not path.exists()}
    _put(workspace, {path: render(kind, facts).encode() for path, facts in lacking.items()})


def path_of(workspace: Workspace, kind: Letter, facts: LetterFacts) -> Path:
    """Return where a letter lies; of those to recipients there is one for each, of holds one for each hold."""
    if kind is Letter.RECIPIENT and facts.recipient:
        return path_to(workspace, facts.request.id, facts.recipient.id)
    number = facts.request.hold.number if kind is Letter.HOLD and facts.request.hold else 1
    return workspace.letters / facts.request.id / (f"{kind}.txt" if number == 1 else f"{kind}-{number}.txt")


def path_to(workspace: Workspace, request: str, recipient: str) -> Path:
    """Return where the letter to a recipient lies."""
    return workspace.letters / request / f"{Letter.RECIPIENT}-{recipient}.txt"


def _put(workspace: Workspace, texts: Mapping[Path, bytes]) -> None:
    if len(texts) > FEW:
        write_all_atomically(texts)
        return
    for path, text in texts.items():
        if not path.parent.exists():
            path.parent.mkdir()
            sync_folder(workspace.letters)
        write_atomically(path, text)


def _notices(facts: LetterFacts) -> list[str]:
    reasons: list[Ground | HoldGround] = [one.ground for one in facts.retained]
    reasons += [facts.hold] if facts.hold else []
    found = (text for reason in reasons for text in notices(facts.request.law, reason, facts.packs))
    return list(dict.fromkeys(found))


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("expunge.erasure.law", "letters"),
        autoescape=select_autoescape(),  # by the ending of the template's name: these are plain text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
