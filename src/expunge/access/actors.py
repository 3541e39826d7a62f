"""Who is at work: the owner, whom a credential proves, and others, who are named and not yet proven (ADR 14).

::

    DIR/actors.json             {"owner": SHA-256 of the credential}: proves, and reveals nothing (256 random bits)
    DIR.keys/owner.credential   the credential; commands without --as read it from there
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from pathlib import Path
from typing import Final

from expunge.access.policy import Policy
from expunge.errors import InputError, PolicyError

OWNER: Final = "owner"
_ACTOR: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_CREDENTIAL: Final = "owner.credential"


def make_owner(folder: Path, keys: Path) -> None:
    """Make the actor ``owner``: a random credential in the key folder, its hash in the workspace."""
    credential = secrets.token_urlsafe(32)
    descriptor = os.open(keys / _CREDENTIAL, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(credential + "\n")
    (folder / "actors.json").write_text(json.dumps({OWNER: _hash(credential)}, indent=2) + "\n")


def acting(name: str | None, policy: Policy, folder: Path, keys: Path) -> str:
    """Return who acts; nobody named is the owner, who must hold the credential.

    Raises
    ------
    PolicyError
        Where policy wants a name, or the owner's credential is missing or false.
    InputError
        Where the name is not one.
    """
    if name is None:
        if not policy.owner_by_default:
            raise PolicyError("policy wants to know who acts.", mend="Name yourself, with --as NAME.")
        name = OWNER
    if not _ACTOR.fullmatch(name):
        raise InputError(
            f"{name!r} is no actor's name.", mend="Use up to 64 letters, digits, dots, dashes, underscores or @."
        )
    if name == OWNER and not _is_owner(folder, keys):
        raise PolicyError(
            "the owner's credential is missing or false.",
            mend=f"Restore {_CREDENTIAL} in the key folder, or act under your own name, with --as NAME.",
        )
    return name


def _is_owner(folder: Path, keys: Path) -> bool:
    try:
        credential = (keys / _CREDENTIAL).read_text().strip()
        known = json.loads((folder / "actors.json").read_text())[OWNER]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False
    return isinstance(known, str) and hmac.compare_digest(known, _hash(credential))


def _hash(credential: str) -> str:
    return hashlib.sha256(credential.encode()).hexdigest()
