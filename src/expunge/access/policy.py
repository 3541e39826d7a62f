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
from typing import Final

from expunge.errors import InputError, PolicyError, WorkspaceError

CHOICES: Final = {"replay": ("always", "sampled", "on-demand"), "on_suppressed": ("refuse", "quarantine")}

LONGEST_DAYS: Final = 36_500


@dataclass(frozen=True)
class Policy:
    """What this workspace demands.

    Parameters
    ----------
    four_eyes : bool
        The executor of an erasure may not be its approver.
    owner_by_default : bool
        Commands without ``--as`` act as ``owner``.
    four_eyes_above : int
        Batches of up to so many subjects need no four eyes.
    held_out : float
        Share of subjects that models are tested on, never trained on.
    packs : tuple of str
        Policy packs in force: ``health``, ``finance``.
    calendar : str
        Whose public holidays move the end of a GDPR period, such as ``DE``; empty: weekends only.
    min_batch : int
        Subjects that leave a published model together, at least (arXiv 2405.20272).
    window_days : int
        An approved request waits at most so long for others to make up a batch.
    safe_days : int
        Days before the law's last day from which nothing waits any more, whatever else this policy says.
    utility_drop : float
        A model whose held-out score falls by more than this waits for a decision; 1 is no bound.
    rotate_days : int
        A model's seed is renewed by a full retrain when it is so old; 0 is never.
    replay : {"always", "sampled", "on-demand"}
        Which batches are replayed, for models that do not say otherwise and whose full retrain takes a minute or more.
    replay_rate : float
        Share that ``sampled`` replays.
    on_suppressed : {"refuse", "quarantine"}
        What becomes of an import that holds erased people: refused as a whole, or taken in without them.
    suppression_days : int
        How long an erased person's hash is kept to stop a re-import; 0 is for ever.
    suppression_basis : str
        The legal basis for keeping it.
    """

    four_eyes: bool = False
    owner_by_default: bool = True
    four_eyes_above: int = 0
    held_out: float = 0.2
    packs: tuple[str, ...] = ()
    calendar: str = ""
    min_batch: int = 1
    window_days: int = 0
    safe_days: int = 3
    utility_drop: float = 1.0
    rotate_days: int = 0
    replay: str = "always"
    replay_rate: float = 0.1
    on_suppressed: str = "refuse"
    suppression_days: int = 3650
    suppression_basis: str = "GDPR Art. 5(2) and 6(1)(f): to show and keep up that the erasure was carried out"

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if not 0 < self.held_out < 1:
            raise InputError(f"held_out is {self.held_out}.", mend="Give a share between 0 and 1, such as 0.2.")
        for name in ("utility_drop", "replay_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is {getattr(self, name)}.", mend="Give a number from 0 to 1.")
        for name in ("four_eyes_above", "window_days", "safe_days", "rotate_days", "suppression_days"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)}.", mend="Give 0 or more.")
        if self.suppression_days > LONGEST_DAYS:
            raise InputError(
                f"suppression_days is {self.suppression_days}.", mend=f"Give up to {LONGEST_DAYS}, or 0 for ever."
            )
        if self.min_batch < 1:
            raise InputError(f"min_batch is {self.min_batch}.", mend="Give 1 or more.")
        if self.min_batch > 1 and not self.window_days:
            raise InputError(
                f"min_batch is {self.min_batch}, and with window_days 0 nothing ever waits for it.",
                mend="Give window_days too, such as 14.",
            )
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise InputError(f"{name} is {getattr(self, name)!r}.", mend=f"Choose one of: {', '.join(choices)}.")

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
    kinds = {field.name: list if field.name == "packs" else type(field.default) for field in fields(Policy)}
    if not isinstance(content, dict):
        raise WorkspaceError(f"policy.json is no JSON object but {content!r}.", mend=mend)
    if unknown := content.keys() - kinds.keys():
        raise WorkspaceError(f"policy.json says what is not known: {sorted(unknown)}.", mend=mend)
    for name, value in content.items():
        if type(value) is not kinds[name]:
            raise WorkspaceError(f"policy.json: {name} is {value!r}, not a {kinds[name].__name__}.", mend=mend)
    if not all(isinstance(pack, str) for pack in content.get("packs", ())):
        raise WorkspaceError(f"policy.json: packs is {content['packs']!r}, not a list of names.", mend=mend)
    return Policy(**content | {"packs": tuple(content.get("packs", ()))})
