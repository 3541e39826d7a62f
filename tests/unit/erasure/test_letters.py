"""What the person reads: plain, complete, and without a name on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from expunge.domain.request import Law
from expunge.erasure import decide, execute, intake
from expunge.erasure.law.rules import grounds
from expunge.workspace.folder import Workspace


def letter(workspace: Workspace, request: str) -> str:
    return (workspace.letters / f"{request}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("law", "right", "remedy"),
    [(Law.GDPR, "Art. 17(1)", "12(4), 77 and 79"), (Law.CCPA, "1798.105", "California Privacy Protection Agency")],
)
def test_a_refusal_names_its_ground_and_the_remedy(workspace: Workspace, law: Law, right: str, remedy: str) -> None:
    for ground in grounds(law):
        request = decide.refuse(workspace, intake.submit(workspace, "71001", law).id, ground.id)
        text = letter(workspace, request.id)
        assert ground.text in text
        assert f"({ground.article})" in text
        assert right in text
        assert remedy in text
        assert request.received.date().isoformat() in text
        assert "71001" not in text


def test_a_completion_names_the_certificate_and_nobody(workspace: Workspace, approve: Callable[..., list[str]]) -> None:
    (request,) = approve(workspace, 71001, law=Law.CCPA)
    done = execute.erase(workspace, [request])
    text = letter(workspace, request)
    assert str(done.certificate) in text
    assert request in text
    assert "California Consumer Privacy Act" in text
    for secret in ("71001", "Grünwald", "owner"):
        assert secret not in text
