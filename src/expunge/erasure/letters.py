"""What is to be sent to the requester: plain words in ``DIR/letters/ID.txt``, without a name on it."""

from __future__ import annotations

from expunge.domain.request import Law, Outcome, Request
from expunge.erasure.law.rules import ground, rules
from expunge.vault.store import write_atomically
from expunge.workspace.folder import Workspace

_REMEDY = {
    Law.GDPR: "You may lodge a complaint with a supervisory authority and seek a judicial remedy "
    "(Art. 12(4), 77 and 79 GDPR).",
    Law.CCPA: "You may complain to the California Privacy Protection Agency or the Attorney General.",
}


def write(workspace: Workspace, request: Request, certificate: str | None) -> None:
    """Write the letter for a request that was erased or refused; repeating it writes the same."""
    text = _refusal(request) if request.outcome is Outcome.REFUSED else _completion(request, certificate)
    write_atomically(workspace.letters / f"{request.id}.txt", text.encode())


def _completion(request: Request, certificate: str | None) -> str:
    return (
        f"{_heading(request)}"
        "Your records have been erased. The models in our keeping that had learned from them have been changed so\n"
        "that they no longer depend on them, or destroyed. What was done to each copy, how it was verified and what\n"
        f"its limits are is stated in the signed certificate {certificate}, which anyone can check.\n"
        "It also names copies of models that were given out before, which it does not reach.\n"
    )


def _refusal(request: Request) -> str:
    found = ground(request.law, request.ground or "")
    reason = f"Your request could not be granted: {found.text} ({found.article})"
    return f"{_heading(request)}{reason}\n\n{_REMEDY[request.law]}\n"


def _heading(request: Request) -> str:
    law = rules(request.law)
    return (
        f"Request {request.id}, received {request.received.date().isoformat()}\n"
        f"Under: {law['name']}, {law['right']}\n\n"
    )
