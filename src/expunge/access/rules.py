"""Decisions by the rules of ``policy.cedar``, made by Cedar; what is not permitted is refused.

Invariants
----------
- Rules are checked against the schema before they decide anything: a role or action that is not known is refused.
- Default deny: allowed is what a `permit` covers, no `forbid` hits, and Cedar evaluated without an error. (Else an
  error in a `forbid` would switch that rule off.)
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

import cedarpy

from expunge.access.actions import Action, Role
from expunge.errors import WorkspaceError

_HERE: Final = files("expunge.access")
_WORKSPACE: Final = {"type": "Workspace", "id": "workspace"}
_NOT_CODE: Final = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*')


@dataclass(frozen=True)
class Question:
    """Who asks for what, and in which circumstances.

    Parameters
    ----------
    actor : str
    roles : collection of Role
    action : Action
    circumstances : mapping
        As the type ``Circumstances`` of the schema.
    """

    actor: str
    roles: Collection[Role]
    action: Action
    circumstances: Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """Whether it is allowed; where a named `forbid` hit, its name."""

    allowed: bool
    forbidden_by: str | None = None


@cache
def default_rules() -> str:
    """Return the rules that `init` writes."""
    return (_HERE / "default.cedar").read_text(encoding="utf-8")


@cache
def standing_rules() -> str:
    """Return the rules that no workspace can lift."""
    return (_HERE / "always.cedar").read_text(encoding="utf-8")


@cache
def schema() -> str:
    """Return what rules may speak of, in Cedar's own language."""
    roles = ", ".join(f'"{role}"' for role in Role)
    actions = ",\n  ".join(f'"{action}"' for action in Action)
    applies = "{ principal: [Actor], resource: [Workspace], context: Circumstances }"
    given = (_HERE / "schema.cedarschema").read_text(encoding="utf-8")
    return f"{given}\nentity Role enum [{roles}];\naction\n  {actions}\nappliesTo {applies};\n"


def faults(rules: str) -> list[str]:
    """Return what is wrong with rules, each with its line; nothing where they can be enforced."""
    if cedarpy.validate_policies(rules, _schema()).validation_passed:
        return []
    found = []
    for line, statement in _statements(rules):
        for error in cedarpy.validate_policies(statement, _schema()).errors:
            what = re.sub(r"^(Policy parse error: |for policy `policy\d+`[,:] )", "", error.error)
            found.append(f"line {line + _line_of(what, statement)}: {what}")
    return found or [error.error for error in cedarpy.validate_policies(rules, _schema()).errors]


def checked(rules: str, name: str = "policy.cedar") -> str:
    """Return rules that can be enforced.

    Raises
    ------
    WorkspaceError
        Where they are not Cedar, or speak of a role, an action or a circumstance that there is not.
    """
    if wrong := faults(rules):
        raise WorkspaceError(
            f"{name} cannot be enforced: {'; '.join(wrong)}.",
            mend="Mend it by hand, or put the default in place with `expunge policy reset`.",
        )
    return rules


def decide(rules: str, settings: Mapping[str, Any], question: Question) -> Verdict:
    """Decide one question by checked rules and the settings of the workspace."""
    principal = {"type": "Actor", "id": question.actor}
    parents = [{"type": "Role", "id": role.value} for role in question.roles]
    entities: list[dict[Any, Any]] = [
        {"uid": principal, "attrs": {"name": question.actor}, "parents": parents},
        {"uid": _WORKSPACE, "attrs": dict(settings), "parents": []},
    ]
    request = {
        "principal": principal,
        "action": {"type": "Action", "id": question.action.value},
        "resource": _WORKSPACE,
        "context": dict(question.circumstances),
    }
    answer = cedarpy.is_authorized(request, _parsed(rules), entities, _schema())
    allowed = answer.allowed and not answer.diagnostics.errors
    names = answer.diagnostics.id_annotations_by_reason.values()
    return Verdict(allowed, None if allowed else next(iter(names), None))


def roles_allowed(
    rules: str, settings: Mapping[str, Any], action: Action, circumstances: Mapping[str, Any]
) -> list[Role]:
    """Return the roles that may ask for this in these circumstances, in the order of `Role`."""
    return [
        role for role in Role if decide(rules, settings, Question("somebody", [role], action, circumstances)).allowed
    ]


@cache
def _schema() -> cedarpy.Schema:
    return cedarpy.Schema.from_str(schema())


@lru_cache(maxsize=8)
def _parsed(rules: str) -> cedarpy.PolicySet:
    return cedarpy.PolicySet.from_str(checked(rules)).with_added_str(standing_rules())


def _statements(rules: str) -> Iterator[tuple[int, str]]:
    """Split rules at their semicolons; yields each with the number of its first line."""
    plain = _NOT_CODE.sub(lambda found: " " * len(found[0]), rules)
    begin = 0
    for end in [*(found.end() for found in re.finditer(";", plain)), len(plain)]:
        if code := plain[begin:end].strip():
            start = plain.index(code[0], begin)
            yield rules.count("\n", 0, start) + 1, rules[start:end]
        begin = end


def _line_of(fault: str, statement: str) -> int:
    """Return how many lines below a statement's first one the word stands that its fault quotes."""
    for word in re.findall(r"`(.+?)`", fault):
        if (place := statement.find(word)) >= 0:
            return statement.count("\n", 0, place)
    return 0
