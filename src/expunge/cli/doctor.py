"""`expunge doctor`: is everything as it must be, and what to do where it is not."""

from __future__ import annotations

import typer

from expunge.cli.options import PATIENCE, Json, Keys, WorkspaceDir, answer, print_table


def doctor(*, workspace: WorkspaceDir, keys: Keys = None, as_json: Json = False) -> None:
    """Check everything in a workspace, and say how to mend what is found. Changes nothing.

    Works where other commands do not: with a missing key, a bad policy or a damaged database. Exit code 1 where
    something is broken.
    """
    from expunge.erasure.doctor import Severity, examine
    from expunge.workspace.folder import keys_beside

    found = examine(workspace, keys or keys_beside(workspace.resolve()), PATIENCE)
    findings = [(check, one) for check in found.checks for one in check.findings]
    if as_json:
        value = {
            "healthy": found.healthy,
            "checks": [{"name": check.name, "severity": check.severity.value} for check in found.checks],
            "findings": [{"check": check.name, **one.to_dict()} for check, one in findings],
        }
        answer(value, as_json=True)
    else:
        if findings:
            rows = [(one.severity.value, one.where, one.what, one.mend) for _, one in findings]
            print_table("Findings", ("severity", "where", "what", "how to mend it"), rows)
        counted = {severity: sum(check.severity is severity for check in found.checks) for severity in Severity}
        tally = ", ".join(f"{number} {severity}" for severity, number in counted.items() if number)
        answer(None, as_json=False, text=f"Of {len(found.checks)} checks: {tally}.")
    if not found.healthy:
        raise typer.Exit(1)
