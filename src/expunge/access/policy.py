"""The policy of one workspace: one readable file, ``DIR/policy.json``.

Invariants
----------
- A request carries the version of the policy under which it was planned.
- Fields that this software does not know are refused: a rule that nobody enforces would be believed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from expunge.errors import InputError, PolicyError, WorkspaceError


@dataclass(frozen=True)
class Policy:
    """What this workspace demands.

    Parameters
    ----------
    four_eyes : bool
        The executor of an erasure may not be its approver.
    owner_by_default : bool
        Commands without ``--as`` act as ``owner``.
    held_out : float
        Share of subjects that models are tested on, never trained on.
    """

    four_eyes: bool = False
    owner_by_default: bool = True
    held_out: float = 0.2

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if not 0 < self.held_out < 1:
            raise InputError(f"held_out is {self.held_out}.", mend="Give a share between 0 and 1, such as 0.2.")

    @property
    def version(self) -> str:
        """Fingerprint of what the policy says."""
        return hashlib.sha256(self.to_json()).hexdigest()[:12]

    def to_json(self) -> bytes:
        """Return the file's content."""
        return json.dumps(asdict(self), indent=2, sort_keys=True).encode() + b"\n"

    def forbid_same_person(self, approver: str | None, executor: str) -> None:
        """Enforce four eyes.

        Raises
        ------
        PolicyError
            Where policy demands two people and there is one.
        """
        if self.four_eyes and approver == executor:
            raise PolicyError(
                f"policy demands four eyes, and {executor!r} approved this request.",
                mend="Let somebody else execute it, with --as NAME.",
            )


def read_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises
    ------
    WorkspaceError
        Where it is missing, no JSON, or says something unknown.
    """
    mend = f"Mend {path.name} by hand; fields are: {', '.join(field.name for field in fields(Policy))}."
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise WorkspaceError("the workspace has no policy.json.", mend="Restore it.") from error
    except ValueError as error:
        raise WorkspaceError(f"policy.json is not JSON: {error}.", mend=mend) from error
    kinds = {"four_eyes": bool, "owner_by_default": bool, "held_out": float}
    if not isinstance(content, dict):
        raise WorkspaceError(f"policy.json is no JSON object but {content!r}.", mend=mend)
    if unknown := content.keys() - kinds.keys():
        raise WorkspaceError(f"policy.json says what is not known: {sorted(unknown)}.", mend=mend)
    for name, value in content.items():
        if type(value) is not kinds[name]:
            raise WorkspaceError(f"policy.json: {name} is {value!r}, not a {kinds[name].__name__}.", mend=mend)
    return Policy(**content)
