"""Every error that Expunge raises.

::

    ExpungeError
    ├── InputError                  (also ValueError) what was handed in cannot be used
    │   ├── DataError               a table has faults; all of them are listed
    │   ├── SchemaError             a declaration contradicts itself or the data
    │   ├── SubjectIdError          not an int or a str, or not of the dataset's kind
    │   └── SuppressedError         erased people would come back by an import
    ├── NotFoundError               (also LookupError) no such dataset, model, request or certificate
    │   └── UnknownSubjectError     no such person among the records
    ├── CannotForgetError           forgetting these people would leave no model
    ├── BudgetSpentError            forgetting these people would pass what a certified learner's noise covers
    ├── RequestError                the erasure office says no
    │   ├── IllegalMoveError        a request cannot go from this state to that one
    │   ├── PolicyError             policy forbids it
    │   │   ├── DeniedError         this actor may not do this
    │   │   └── AuthenticationError who acts did not prove it
    │   ├── DuplicateRequestError   this person's request is open already
    │   └── WaitingError            a batch waits for people; nothing is wrong
    │       ├── RecipientsOpenError recipients of the data are not told yet
    │       └── UtilityGuardError   a model lost more than policy allows, and somebody must decide
    ├── VaultError                  encrypted storage
    │   ├── KeyDestroyedError       the key is gone, and so is what it opened
    │   └── CorruptedError          bytes on disk are not what was written
    ├── WorkspaceError              the folder as a whole
    │   ├── WorkspaceExistsError    there is one already
    │   └── WorkspaceBusyError      another process is writing
    ├── CheckFailedError            a check of an erasure failed, and it stopped there
    ├── LearnerCheckError           a learner breaks its contract
    ├── SigningRefusedError         no certificate without an effect
    └── CertificateError            a certificate was not accepted
        ├── EnvelopeFormatError     not an envelope at all (exit code 2)
        └── NotVerifiedError        an envelope, and false (exit code 1)

Each says what is wrong, names the value, and says what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class ExpungeError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    problem : str
        What is wrong, with the value that is.
    mend : str
        What to do next; shown after the problem.

    Examples
    --------
    >>> str(ExpungeError("model 'a' does not exist.", mend="Run `expunge model list`."))
    "model 'a' does not exist. Run `expunge model list`."
    """

    def __init__(self, problem: str, *, mend: str) -> None:
        super().__init__(f"{problem} {mend}")
        self.problem = problem
        self.mend = mend

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the way back from another process: `__init__` is not asked again."""
        return type(self).__new__, (type(self), *self.args), self.__dict__


class InputError(ExpungeError, ValueError):
    """What was handed in cannot be used; nothing was changed."""


@dataclass(frozen=True)
class Fault:
    """One fault in a table.

    Parameters
    ----------
    what : str
        What is wrong, with the value.
    column : str or None
        Name of the column, None where the fault is not one column's.
    row : int or None
        Number of the row, counted from 1 without the header; None where it is not one row's.
    """

    what: str
    column: str | None = None
    row: int | None = None

    def __str__(self) -> str:
        place = ", ".join(
            part
            for part in (
                f"row {self.row}" if self.row is not None else "",
                f"column {self.column!r}" if self.column is not None else "",
            )
            if part
        )
        return f"{place}: {self.what}" if place else self.what


class DataError(InputError):
    """A table has faults; `faults` holds every one of them, and nothing was stored."""

    def __init__(self, source: str, faults: Iterable[Fault], *, mend: str) -> None:
        self.faults = tuple(faults)
        lines = "".join(f"\n  - {fault}" for fault in self.faults)
        many = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(f"{source} has {many}, nothing was stored:{lines}\n", mend=mend)


class SchemaError(InputError):
    """A declaration contradicts itself, or the data."""


class SubjectIdError(InputError):
    """A subject id is not an int or a str, or not of the kind that the schema fixes."""


class SuppressedError(InputError):
    """People who were erased would come back by an import; nothing was stored.

    Parameters
    ----------
    people : int
        How many they are. Who they are is said nowhere.
    everybody : int
        How many people the table has.
    """

    def __init__(self, people: int, everybody: int, *, mend: str) -> None:
        super().__init__(
            f"{people} of the {everybody} people in this table were erased and may not come back; nothing was stored.",
            mend=mend,
        )
        self.people = people


class NotFoundError(ExpungeError, LookupError):
    """No such dataset, model, request or certificate."""


class UnknownSubjectError(NotFoundError):
    """No such person among the records; nothing was changed."""


class CannotForgetError(ExpungeError):
    """Forgetting these people would leave no model; the learner is unchanged."""


class BudgetSpentError(ExpungeError):
    """Forgetting these people would pass what a certified learner's noise covers; the learner is unchanged."""


class RequestError(ExpungeError):
    """The erasure office says no; the request is unchanged."""


class IllegalMoveError(RequestError):
    """A request cannot go from the state it is in to the one asked for."""


class PolicyError(RequestError):
    """The workspace's policy forbids it."""


class DeniedError(PolicyError):
    """The actor may not do it; the refusal is in the log."""


class AuthenticationError(PolicyError):
    """Whoever acts did not prove to be who they say."""


class DuplicateRequestError(RequestError):
    """The person has an open request under the same law; nothing was entered."""


class WaitingError(RequestError):
    """A batch waits for people to do something; nothing is wrong, and the same command goes on."""


class RecipientsOpenError(WaitingError):
    """Recipients of the data are neither told of the erasure, nor is it explained why not."""


class UtilityGuardError(WaitingError):
    """A model lost more on held-out people than policy allows: nothing is shredded, both models are kept."""


class VaultError(ExpungeError):
    """Encrypted storage could not do what was asked."""


class KeyDestroyedError(VaultError):
    """The key is gone, and so is everything that it opened."""


class CorruptedError(VaultError):
    """Bytes on disk are not what was written."""


class WorkspaceError(ExpungeError):
    """The workspace folder is not as it must be."""


class WorkspaceExistsError(WorkspaceError):
    """There is a workspace, or something else, at that place already."""


class WorkspaceBusyError(WorkspaceError):
    """Another process is writing to this workspace."""


class CheckFailedError(ExpungeError):
    """A check failed: before anything was shredded (replay), or before anything was signed (remanence)."""


class LearnerCheckError(ExpungeError):
    """A learner breaks its contract.

    Parameters
    ----------
    check : str
        Name of the check that it did not pass.
    """

    def __init__(
        self, check: str, problem: str, *, mend: str = "See the check of this name in expunge.learners.checks."
    ) -> None:
        super().__init__(f"{check}: {problem}", mend=mend)
        self.check = check


class SigningRefusedError(ExpungeError):
    """No certificate without an effect: a condition for signing does not hold."""


class CertificateError(ExpungeError):
    """A certificate was not accepted."""


class EnvelopeFormatError(CertificateError):
    """The file is not a certificate envelope at all."""


class NotVerifiedError(CertificateError):
    """A well-formed certificate that is not true.

    Parameters
    ----------
    check : str
        Name of the check that failed.
    """

    def __init__(self, check: str, problem: str, *, mend: str) -> None:
        super().__init__(f"{check}: {problem}", mend=mend)
        self.check = check
