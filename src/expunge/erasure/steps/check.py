"""checked: every store is searched for what must not be there."""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import Connection, select

from expunge.access import actors
from expunge.domain.report import Verdict
from expunge.domain.subject import SubjectId
from expunge.erasure import batch as batches
from expunge.erasure import requests
from expunge.erasure.batch import Batch
from expunge.erasure.scope import ids_of_kinds
from expunge.errors import CheckFailedError
from expunge.vault import subjects
from expunge.vault.database import CHECKPOINT, DATASET
from expunge.verification.remanence import Needles, remanence
from expunge.workspace import data, journal, recipients, register
from expunge.workspace.folder import Workspace

_ACTOR: Final = re.compile(rb'"actor":"([^"]*)"')


def commit(workspace: Workspace, connection: Connection, batch: Batch) -> None:
    """Search for the batch's people and texts, and note what came of it.

    Raises
    ------
    CheckFailedError
        Where a trace was found, or the search would not have found one.
    """
    served = requests.in_batch(connection, batch.id)
    kinds = data.subject_kinds(workspace, connection)
    known = requests.identities(workspace, connection, [request.id for request in served]).values()
    people: set[SubjectId] = set().union(*(ids_of_kinds(kinds, one["subject"]) for one in known))
    texts = {text for one in known for text in one["texts"]}
    # Whoever is retained somewhere rightly stands there; that nothing else of them is left, texts and references tell.
    people -= {subject for _, subject in subjects.everywhere(workspace.vault, connection, people).values()}
    layouts = {
        row.id: data.get_schema(workspace, connection, row.schema_blob)[1]
        for row in connection.execute(select(DATASET)).all()
    }
    kept = "\0".join(rightly_there(workspace, connection)).encode()
    needles = Needles(frozenset(people), frozenset(texts), frozenset(batch.refs), kept)
    found = remanence(workspace.vault, layouts, needles)
    if found.verdict is not Verdict.PASSED:
        raise CheckFailedError(found.detail, mend="Remove what was found, then give the command again.")
    batch.evidence["checks"] = [found.to_dict()]
    batches.save(workspace, connection, batch)


def rightly_there(workspace: Workspace, connection: Connection) -> set[str]:
    """Return every text that may stand in a store: those of remaining rows, and the names that people gave."""
    words = {workspace.actor, str(workspace.folder)}
    for dataset in data.every(workspace, connection):
        table = data.load(workspace, connection, dataset.id)
        words |= {dataset.name, *(column.name for column in dataset.schema.columns)}
        words |= {str(subject) for subject in table.subject_ids()}
        words |= {cell for cells in table.arrays().values() if cells.dtype == object for cell in set(cells) if cell}
    words |= {str(size) for size in connection.execute(select(CHECKPOINT.c.size)).scalars()}
    words |= {model.name for model in register.every(connection)}
    words |= {recipient.name for recipient in recipients.every(connection)}
    words |= {actor.name for actor in actors.every(connection)}
    words |= {workspace.policy.rules, workspace.policy.to_json().decode()}
    words |= {actor.decode() for entry in journal.entries(connection) for actor in _ACTOR.findall(entry)}
    return words
