"""Short ways through the erasure office."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
import pytest

from expunge.certificates import verify_file
from expunge.certificates.verify import Verified
from expunge.datasets import checked, declare, read_frame
from expunge.domain.request import Law
from expunge.erasure import decide, intake
from expunge.workspace import data, models
from expunge.workspace.folder import Workspace, init, open_workspace

Approve: TypeAlias = Callable[..., list[str]]
Certified: TypeAlias = Callable[[Workspace, str | None], Verified]
Make: TypeAlias = Callable[..., Workspace]
Under: TypeAlias = Callable[..., Workspace]


@pytest.fixture
def approve() -> Approve:
    """Take requests in for these people and approve them: ``approve(workspace, 71001, "7")`` gives their ids."""

    def approved(
        workspace: Workspace, *subjects: int | str, law: Law = Law.GDPR, received: datetime | None = None
    ) -> list[str]:
        ids = [intake.submit(workspace, str(subject), law, received).id for subject in subjects]
        return [decide.approve(workspace, one).id for one in ids]

    return approved


@pytest.fixture
def under() -> Under:
    """Open a workspace under another policy: ``under(workspace, min_batch=3, window_days=14)``."""

    def opened(workspace: Workspace, **changes: Any) -> Workspace:
        (workspace.folder / "policy.json").write_bytes(replace(workspace.policy, **changes).to_json())
        return open_workspace(workspace.folder)

    return opened


@pytest.fixture
def certified() -> Certified:
    """Verify a certificate that a workspace issued, with the public key alone."""

    def verified(workspace: Workspace, certificate: str | None) -> Verified:
        assert certificate is not None
        return verify_file(workspace.certificates / f"{certificate}.json", workspace.folder / "public.pem")

    return verified


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a workspace of one table: ``make(frame, learners=["ridge"], confirm=True, **what declare takes)``."""
    numbers = iter(range(100))

    def made(frame: pd.DataFrame, learners: Sequence[str] = ("ridge",), *, confirm: bool, **said: Any) -> Workspace:
        folder = tmp_path / f"made-{next(numbers)}"
        init(folder, secret=bytes(32))
        workspace = open_workspace(folder)
        raw = read_frame(frame)
        data.add(workspace, "visits", checked(raw, declare(raw.names, subject="patient", target="sick", **said)))
        if confirm:
            data.confirm(workspace, "visits")
        for learner in learners:
            models.train(workspace, learner, "visits", learner)
        return workspace

    return made


@pytest.fixture
def two(workspace: Workspace, people: pd.DataFrame) -> Workspace:
    """The prepared workspace with the same people in a second dataset, "accounts", and a model "account" on it."""
    raw = read_frame(people)
    table = checked(raw, declare(raw.names, subject="patient", target="sick", roles=["name=ignored", "note=ignored"]))
    data.add(workspace, "accounts", table)
    data.confirm(workspace, "accounts")
    models.train(workspace, "account", "accounts", "ridge")
    return workspace
