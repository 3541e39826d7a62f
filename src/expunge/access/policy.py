"""The policy of one workspace, in two readable files: numbers and switches, and who may do what.

::

    DIR/policy.json     settings, as `Policy` lists them
    DIR/policy.cedar    rules: which role may do what (`expunge.access.rules`)

Invariants
----------
- A request carries the version of the policy under which it was planned, an entry of the log that under which it was
  made. The version covers both files.
- What this software does not know is refused, in both files: a rule that nobody enforces would be believed.
- A file that is missing is an error, never a permission.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from expunge.access.actions import Action, Role
from expunge.access.rules import Question, Verdict, checked, decide, default_rules, roles_allowed
from expunge.domain.guarantee import FLOORS
from expunge.errors import InputError, WorkspaceError

SETTINGS_FILE: Final = "policy.json"
RULES_FILE: Final = "policy.cedar"
CHOICES: Final = {
    "replay": ("always", "sampled", "on-demand"),
    "on_suppressed": ("refuse", "quarantine"),
    "guarantee_floor": FLOORS,
}

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
    guarantee_floor : {"portable", "exact", "certified", "empirical"}
        What an erasure has to reach in a model; one that does not is not trained, and retired where somebody leaves
        it. ``portable``: exact on any machine. ``exact``: on any, or in one environment. ``certified``: within a stated
        bound, or better. ``empirical``: whatever was measured.
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
    rules : str
        The text of ``policy.cedar``; the packaged default by default.
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
    guarantee_floor: str = "exact"
    utility_drop: float = 1.0
    rotate_days: int = 0
    replay: str = "always"
    replay_rate: float = 0.1
    on_suppressed: str = "refuse"
    suppression_days: int = 3650
    suppression_basis: str = "GDPR Art. 5(2) and 6(1)(f): to show and keep up that the erasure was carried out"
    rules: str = field(default_factory=default_rules, repr=False)

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

    @cached_property
    def version(self) -> str:
        """Fingerprint of what the policy says, settings and rules."""
        return hashlib.sha256(self.to_json() + b"\0" + self.rules.encode()).hexdigest()[:12]

    def to_json(self) -> bytes:
        """Return the content of ``policy.json``."""
        settings = {name: value for name, value in asdict(self).items() if name != "rules"}
        return json.dumps(settings, indent=2, sort_keys=True).encode() + b"\n"

    def decide(self, question: Question) -> Verdict:
        """Decide whether somebody may do what they ask for."""
        return decide(self.rules, self._attributes, question)

    def roles_allowed(self, action: Action, **circumstances: Any) -> list[Role]:
        """Return the roles that may do something."""
        return roles_allowed(self.rules, self._attributes, action, circumstances)

    @property
    def _attributes(self) -> dict[str, Any]:
        """The settings that rules may ask for: the attributes of ``Workspace`` in the schema."""
        return {"four_eyes": self.four_eyes, "four_eyes_above": self.four_eyes_above}


def read_policy(path: Path) -> Policy:
    """Read ``policy.json``, and ``policy.cedar`` beside it.

    Raises
    ------
    WorkspaceError
        Where one is missing, malformed, or says something unknown.
    """
    return replace(read_settings(path), rules=read_rules(path.with_name(RULES_FILE)))


def read_rules(path: Path) -> str:
    """Read rules that can be enforced.

    Raises
    ------
    WorkspaceError
        Where they are missing, no Cedar, or speak of what there is not.
    """
    try:
        return checked(path.read_bytes().decode(), path.name)
    except FileNotFoundError as error:
        raise WorkspaceError(
            f"there is no {path.name}: nobody is allowed anything.",
            mend="Restore it, or put the default in place with `expunge policy reset`.",
        ) from error
    except UnicodeDecodeError as error:
        raise WorkspaceError(
            f"{path.name} is not UTF-8 text.", mend="Put the default in place with `expunge policy reset`."
        ) from error


def read_settings(path: Path) -> Policy:
    """Read ``policy.json`` alone, under the default rules.

    Raises
    ------
    WorkspaceError
        Where it is missing, no JSON, or says something unknown.
    """
    known = [setting for setting in fields(Policy) if setting.name != "rules"]
    mend = f"Mend {path.name} by hand; fields are: {', '.join(setting.name for setting in known)}."
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise WorkspaceError("the workspace has no policy.json.", mend="Restore it.") from error
    except ValueError as error:
        raise WorkspaceError(f"policy.json is not JSON: {error}.", mend=mend) from error
    kinds = {setting.name: list if setting.name == "packs" else type(setting.default) for setting in known}
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
