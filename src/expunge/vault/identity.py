"""Who a request is about: sealed under a key of its own, a file outside the workspace, destroyed when it is closed.

The root key does not come into it: a copy of the workspace, combined with every key that exists after the closing,
does not tell whose request it was.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from expunge.errors import KeyDestroyedError
from expunge.vault.keys import destroy_file, new_key, read_secret, seal, unseal, write_secret
from expunge.vault.store import Vault, side_by_side


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


def destroy_identity(vault: Vault, *requests: str) -> None:
    """Destroy the keys of requests; does nothing where one is gone."""
    side_by_side(destroy_file, [_path(vault, request) for request in requests])


def _path(vault: Vault, request: str) -> Path:
    return vault.keys / "requests" / f"{request}.key"


def _bound(request: str) -> bytes:
    return f"expunge identity v1|{request}".encode()
