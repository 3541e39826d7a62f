"""Expunge: remove a person from rows, keys, encoders and models, and prove it.

The whole pipeline, on a made-up table::

    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from expunge import init, open_workspace, verify_file
    >>> from expunge.datasets import checked, declare, read_frame
    >>> from expunge.domain.request import Law
    >>> from expunge.erasure import decide, execute, intake
    >>> from expunge.workspace import data, models

People's records come in; every column's kind and range is shown and then confirmed::

    >>> visits = pd.DataFrame({"patient": range(1000, 1200), "age": [20 + n % 60 for n in range(200)]})
    >>> visits["readmitted"] = (visits["age"] > 50).astype(int)
    >>> folder = Path(tempfile.mkdtemp()) / "hospital"
    >>> init(folder)
    >>> workspace = open_workspace(folder)
    >>> raw = read_frame(visits)
    >>> table = checked(raw, declare(raw.names, subject="patient", target="readmitted", ranges=["age=0:120:1"]))
    >>> data.add(workspace, "visits", table).subjects
    200
    >>> data.confirm(workspace, "visits").schema.inferred
    ()

A model learns from them, a request comes in, and the person goes out::

    >>> models.train(workspace, "readmission", "visits", "ridge").version
    1
    >>> request = intake.submit(workspace, "1003", Law.GDPR)
    >>> decide.approve(workspace, request.id).state
    <State.APPROVED: 'approved'>
    >>> done = execute.erase(workspace, [request.id])
    >>> done.requests[0].state
    <State.CLOSED: 'closed'>

What remains is a signed certificate that anyone checks offline::

    >>> certificate = workspace.certificates / f"{done.certificate}.json"
    >>> verified = verify_file(certificate, workspace.folder / "public.pem")
    >>> dataset, model = verified.statement.copies
    >>> dataset.method.value, dataset.members.count_before, dataset.members.count_after
    ('rows deleted', 200, 199)
    >>> str(model.guarantee)
    'Exact (portable)'

Read next: `expunge.domain.request`, then `expunge.erasure.execute`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

__version__ = "0.1.0"

_HOMES: Final = {
    "AdditiveClassifier": "expunge.learners.exact",
    "CertifiedLinearHead": "expunge.learners.certified",
    "CertifiedLogisticRegression": "expunge.learners.certified",
    "Ridge": "expunge.learners.exact",
    "RidgeClassifier": "expunge.learners.exact",
    "TableEncoder": "expunge.learners.exact",
    "check_learner": "expunge.learners",
    "init": "expunge.workspace.folder",
    "open_workspace": "expunge.workspace.folder",
    "verify_file": "expunge.certificates",
}
"""Public name -> module. Imported when first asked for: checking a certificate needs no numerical package."""

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 - names of `_HOMES`, all str


def __getattr__(name: str) -> Any:
    """Import a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'expunge' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
