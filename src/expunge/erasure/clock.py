"""The law's clocks, by the calendar of this workspace."""

from __future__ import annotations

from datetime import date, datetime, time

from expunge.access.policy import Policy
from expunge.domain.request import Law, Request
from expunge.erasure.law import clocks
from expunge.vault.store import today
from expunge.workspace.folder import Workspace

__all__ = ["calendar", "confirm_by", "due", "due_from", "extended", "today"]


def calendar(policy: Policy, law: Law) -> str | None:
    """Return whose public holidays count: the policy names them for the GDPR; the CCPA has California's."""
    return policy.calendar or None if law is Law.GDPR else None


def due(workspace: Workspace, law: Law, received: datetime) -> date:
    """Return the last day for an answer, extensions apart; days are those where `received` was read off the clock."""
    return clocks.due(law, received, calendar(workspace.policy, law))


def due_from(workspace: Workspace, law: Law, start: date) -> date:
    """Return the last day of a whole answer period that begins on a day."""
    return due(workspace, law, _on(start))


def extended(workspace: Workspace, request: Request) -> date:
    """Return the last day for an answer once the time was extended."""
    return clocks.extended_due(request.law, request.received, calendar(workspace.policy, request.law))


def confirm_by(workspace: Workspace, request: Request) -> date | None:
    """Return the day by which receipt must be confirmed, where the law sets one."""
    return clocks.confirm_by(request.law, request.received, calendar(workspace.policy, request.law))


def _on(day: date) -> datetime:
    return datetime.combine(day, time()).astimezone()
