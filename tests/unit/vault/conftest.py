"""An empty vault, cheap enough for one per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from expunge.vault.database import DATASET
from expunge.vault.store import Vault, create


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    """An empty vault that knows the datasets "D-1" and "D-2"."""
    folder, keys = tmp_path / "vault", tmp_path / "vault.keys"
    folder.mkdir()
    keys.mkdir()
    made = create(folder, keys)
    with made.transaction() as connection:
        rows = [
            {"id": name, "name": name, "version": 1, "schema_blob": "none", "created": "now"} for name in ("D-1", "D-2")
        ]
        connection.execute(insert(DATASET), rows)
    yield made
    made.engine.dispose()
