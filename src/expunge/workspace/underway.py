"""An erasure on its way: what must wait until it is finished.

From its first step to its last a batch knows which copies there are. A dataset or model that was added meanwhile,
after a kill say, would hold people whom the certificate calls erased.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from expunge.domain.request import State
from expunge.errors import WorkspaceBusyError
from expunge.vault.database import REQUEST


def erasing(connection: Connection) -> bool:
    """Whether a batch was begun and is not closed."""
    query = select(REQUEST.c.id).where(REQUEST.c.batch.is_not(None), REQUEST.c.state != State.CLOSED.value)
    return connection.execute(query).first() is not None


def refuse_while_erasing(connection: Connection) -> None:
    """Let what would change the copies wait.

    Raises
    ------
    WorkspaceBusyError
        Where a batch was begun and is not closed.
    """
    if erasing(connection):
        raise WorkspaceBusyError(
            "an erasure was cut short and is not finished.", mend="Finish it first: give `expunge erase` again."
        )
