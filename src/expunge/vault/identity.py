"""Who a request is about: sealed under a key of its own, a file outside the workspace, destroyed when it is closed.

The root key does not come into it: a copy of the workspace, combined with every key that exists after the closing,
does not tell whose request it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from expunge.errors import KeyDestroyedError
from expunge.vault.keys import (
    FEW,
    destroy_file,
    destroy_files,
    new_key,
    read_secret,
    seal,
    unseal,
    write_secret,
    write_secrets,
)
from expunge.vault.store import Vault


def seal_identity(vault: Vault, request: str, content: Any) -> bytes:
    """Seal JSON content for a request, making its key where there is none yet."""
    path = _path(vault, request)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if not path.exists():
        write_secret(path, new_key())
    return seal(read_secret(path), json.dumps(content).encode(), _bound(request))


def open_identity(vault: Vault, request: str, sealed: bytes) -> Any:
    """Open what `seal_identity` closed.

    Raises
    ------
    KeyDestroyedError
        Where the request is closed.
    """
    path = _path(vault, request)
    if not path.exists():
        raise KeyDestroyedError(
            f"the identity of request {request} is gone.", mend="It was destroyed when the request was closed."
        )
    return json.loads(unseal(read_secret(path), sealed, _bound(request)))


def make_identity_keys(vault: Vault, requests: Iterable[str]) -> None:
    """Make the keys of many requests at once, where there are none yet; `seal_identity` finds them, or makes a few."""
    wanted = [_path(vault, request) for request in requests]
    fresh = {path: new_key() for path in wanted if not path.exists()}
    if len(fresh) > FEW:
        wanted[0].parent.mkdir(mode=0o700, exist_ok=True)
        write_secrets(fresh)


def destroy_identity(vault: Vault, request: str) -> None:
    """Destroy a request's key; does nothing where it is gone."""
    destroy_file(_path(vault, request))


def destroy_identities(vault: Vault, requests: Iterable[str]) -> None:
    """Destroy the keys of many requests at once; does nothing for those that are gone."""
    paths = [_path(vault, request) for request in requests]
    if len(paths) > FEW:
        destroy_files(paths)
        return
    for path in paths:
        destroy_file(path)


def _path(vault: Vault, request: str) -> Path:
    return vault.keys / "requests" / f"{request}.key"


def _bound(request: str) -> bytes:
    return f"expunge identity v1|{request}".encode()
