"""Declarations as they are typed: ``--subject``, ``--target``, ``--role COL=ROLE``, ``--range COL=LO:HI``.

A declaration is split at its last ``=``, so a column's name may hold ``=`` and ``:``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from expunge.datasets.infer import RANGED, Declared
from expunge.datasets.raw import number
from expunge.domain.schema import FACTS, Column, Kind, Role
from expunge.domain.subject import SubjectKind
from expunge.errors import SchemaError

_KINDS: Final = (Kind.NUMERIC, Kind.CATEGORICAL)
_SUBJECT_KINDS: Final[dict[str, SubjectKind]] = {"int": "int", "str": "str"}
_ROLES: Final = ", ".join([role.value for role in Role] + [kind.value for kind in _KINDS])


@dataclass(frozen=True)
class _Statement:
    """What is said about one column so far; None where nothing is."""

    role: Role | None = None
    kind: Kind | None = None
    subject_kind: SubjectKind | None = None
    span: tuple[float, float] | None = None
    resolution: float | None = None


def declare(
    columns: Sequence[str],
    *,
    subject: str | None = None,
    target: str | None = None,
    roles: Sequence[str] = (),
    ranges: Sequence[str] = (),
) -> Declared:
    """Read declarations.

    Parameters
    ----------
    columns : sequence of str
        The columns that there are.
    subject, target : str or None
        Names of columns.
    roles : sequence of str
        ``COL=ROLE`` or ``COL=ROLE:KIND``. A role is subject, target, feature, direct-identifier, quasi-identifier,
        sensitive, free-text or ignored; a kind is numeric or categorical (of a subject: int or str). A kind
        alone, ``COL=numeric``, declares the kind of a feature or of what the column is declared to be elsewhere.
    ranges : sequence of str
        ``COL=LO:HI`` or ``COL=LO:HI:RESOLUTION``, in the column's units; the column is then declared numeric.

    Returns
    -------
    Declared

    Raises
    ------
    SchemaError
        For unknown columns, roles and kinds, two different statements about one thing, and ranges that are none.

    Examples
    --------
    >>> declared = declare(
    ...     ["id", "age", "sick"], subject="id", target="sick", roles=["age=quasi-identifier"], ranges=["age=0:120"]
    ... )
    >>> age = declared["age"]
    >>> age.role.value, age.kind.value, age.high, age.inferred
    ('quasi-identifier', 'numeric', 120.0, ('resolution',))
    """
    said: dict[str, _Statement] = {}
    named = ((subject, Role.SUBJECT), (target, Role.TARGET))
    statements = [(_known(name, columns), _Statement(role=role)) for name, role in named if name is not None]
    statements += [_role(text, columns) for text in roles]
    statements += [_range(text, columns) for text in ranges]
    for name, statement in statements:
        said[name] = _merged(name, said.get(name, _Statement()), statement)
    subjects = [name for name, statement in said.items() if statement.role is Role.SUBJECT]
    if len(subjects) != 1:
        raise SchemaError(
            f"{len(subjects)} columns have the role subject{': ' if subjects else ''}{', '.join(subjects)}.",
            mend="Name exactly one, with --subject COL.",
        )
    kind = said[subjects[0]].subject_kind
    return Declared({name: _column(name, statement) for name, statement in said.items()}, kind)


def _role(text: str, columns: Sequence[str]) -> tuple[str, _Statement]:
    name, says = _split(text, columns, "--role COL=ROLE")
    word, colon, kind = says.partition(":")
    if word in _KINDS and not colon:
        return name, _Statement(kind=Kind(word))
    if word not in set(Role):
        raise SchemaError(f"column {name!r}: there is no role {word!r}.", mend=f"Roles are: {_ROLES}.")
    role = Role(word)
    kinds: Sequence[str] = tuple(_SUBJECT_KINDS) if role is Role.SUBJECT else _KINDS
    if colon and kind not in kinds:
        raise SchemaError(f"column {name!r}: there is no kind {kind!r} of {word}.", mend=f"Kinds are: {_join(kinds)}.")
    if role is Role.SUBJECT:
        return name, _Statement(role=role, subject_kind=_SUBJECT_KINDS.get(kind))
    return name, _Statement(role=role, kind=Kind(kind) if colon else None)


def _range(text: str, columns: Sequence[str]) -> tuple[str, _Statement]:
    name, says = _split(text, columns, "--range COL=LO:HI")
    parts = [number(part) for part in says.split(":")]
    if len(parts) not in {2, 3} or None in parts:
        raise SchemaError(f"column {name!r}: {says!r} is no range.", mend="Give numbers, as LO:HI or LO:HI:RESOLUTION.")
    low, high, *rest = [part for part in parts if part is not None]
    return name, _Statement(kind=Kind.NUMERIC, span=(low, high), resolution=rest[0] if rest else None)


def _split(text: str, columns: Sequence[str], form: str) -> tuple[str, str]:
    name, equals, says = text.rpartition("=")
    if not equals:
        raise SchemaError(f"{text!r} declares nothing.", mend=f"Write it as {form}.")
    return _known(name, columns), says


def _known(name: str, columns: Sequence[str]) -> str:
    if name not in columns:
        raise SchemaError(f"there is no column {name!r}.", mend=f"Columns are: {_join(columns)}.")
    return name


def _join(names: Sequence[str]) -> str:
    return ", ".join(names)


def _merged(name: str, before: _Statement, more: _Statement) -> _Statement:
    """Put two statements about one column together, or refuse."""
    together = before
    for fact in ("role", "kind", "subject_kind", "span", "resolution"):
        old, new = getattr(before, fact), getattr(more, fact)
        if None not in {old, new} and old != new:
            raise SchemaError(
                f"column {name!r} is declared with {fact} {_said(old)} and with {_said(new)}.", mend="Say one of them."
            )
        if new is not None:
            together = replace(together, **{fact: new})
    return together


def _said(fact: object) -> str:
    return ":".join(f"{end:g}" for end in fact) if isinstance(fact, tuple) else str(fact)


def _column(name: str, said: _Statement) -> Column:
    role = said.role or Role.FEATURE
    if said.span is not None and role not in RANGED:
        raise SchemaError(f"column {name!r} has the role {role} and a range.", mend="Drop the range or the role.")
    if role is Role.SUBJECT and said.kind is not None:
        raise SchemaError(
            f"column {name!r} is the subject and cannot be {said.kind}.", mend="Its kinds are int and str."
        )
    kind = said.kind
    if kind is None and role not in RANGED:
        kind = Kind.TEXT  # the role says it: nothing is read off the values
    known = {"role"}
    if kind is not None:
        known |= {"kind"} if kind is Kind.NUMERIC and role in RANGED else set(FACTS)
    if said.span is not None:
        known |= {"range"}
    if said.resolution is not None:
        known |= {"resolution"}
    inferred = set(FACTS) - known
    low, high = said.span or (None, None)
    return Column(name, role, kind or Kind.NUMERIC, low, high, said.resolution, tuple(inferred))
