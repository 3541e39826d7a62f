"""Extension: more time to answer, once, told with reasons inside the first period.

GDPR Art. 12(3); CCPA 1798.130(a)(2)(A).
"""

from __future__ import annotations

from dataclasses import replace

from expunge.access.actions import Action
from expunge.domain.request import Extension, Outcome, Request
from expunge.erasure import clock, office, requests
from expunge.errors import IllegalMoveError
from expunge.workspace.folder import Workspace


def extend(workspace: Workspace, request_id: str, reason: str) -> Request:
    """Extend the time for a request and write the letter.

    Parameters
    ----------
    reason : str
        As the letter gives it; it must name nobody.

    Raises
    ------
    InputError
        Where the reason is empty or holds the person's id.
    IllegalMoveError
        Where the time was extended already, the first period is over, or the request is.
    """
    workspace.authorise(Action.REQUEST_EXTEND)
    with office.at_work(workspace):
        with workspace.vault.transaction() as connection:
            request = requests.load(connection, request_id)
            if request.outcome is not Outcome.OPEN:
                raise IllegalMoveError(
                    f"request {request.id} is over: {request.outcome}.", mend="There is nothing to extend."
                )
            if request.extension is not None:
                raise IllegalMoveError(
                    f"the time for request {request.id} was extended already, until {request.extension.until}.",
                    mend="The law allows no second extension: answer by then.",
                )
            first = clock.due(workspace, request.law, request.received)
            if clock.today() > first:
                raise IllegalMoveError(
                    f"the first period of request {request.id} ended on {first}: it is too late to extend it.",
                    mend="The notice had to go out before; answer now.",
                )
            told = requests.anonymous(workspace, connection, request.id, reason)
            until = clock.extended(workspace, request)
            extension = Extension(until, told, clock.today())
            changed = replace(request, extension=extension, due=max(request.due, until))
            changed = requests.amend(workspace, connection, changed, "extended", until=until.isoformat())
        office.write_letters(workspace, [changed])
        return changed
