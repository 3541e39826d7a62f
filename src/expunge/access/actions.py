"""What may be asked of a workspace, and the roles that ask: the words of ``policy.cedar``.

A new verb gets a line here, a word in ``default.cedar`` for each role that may give it, `Workspace.authorise` at the
top of its operation, and a row in ``tests/integration/test_access.py``.
"""

from __future__ import annotations

from enum import StrEnum


class _Explained(StrEnum):
    """A word with its meaning in plain English, in `meaning`."""

    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> _Explained:
        word = str.__new__(cls, value)
        word._value_ = value
        word.meaning = meaning
        return word


class Role(_Explained):
    """What an actor is there for. An actor may have several."""

    SUBJECT = "subject", "sees the state of one request: the actor is named as the request is"
    INTAKE_CLERK = "intake_clerk", "takes requests in"
    PRIVACY_OFFICER = "privacy_officer", "decides, erases, and reads records for a purpose"
    ML_ENGINEER = "ml_engineer", "trains and uses models; never sees keys, identities or raw rows"
    AUDITOR = "auditor", "reads log, certificates, reports and plans; changes nothing"
    ADMINISTRATOR = "administrator", "keeps actors and settings; cannot read records or decide"
    OWNER = "owner", "may do everything"


class Action(_Explained):
    """What is asked."""

    DATASET_ADD = "dataset.add", "import a table"
    DATASET_LIST = "dataset.list", "list the datasets"
    DATASET_SHOW = "dataset.show", "show a dataset and its columns"
    DATASET_VALUES = "dataset.values", "see ranges that were inferred from people's values"
    DATASET_CONFIRM = "dataset.confirm", "declare what was inferred"
    RECORDS_READ = "records.read", "read one person's records, for a purpose"
    MODEL_TRAIN = "model.train", "train and publish a model"
    MODEL_LIST = "model.list", "list the models"
    MODEL_SHOW = "model.show", "show a model and how good it is"
    MODEL_PREDICT = "model.predict", "predict with a model"
    MODEL_EXPORT = "model.export", "write a model out"
    MODEL_ROTATE = "model.rotate", "renew a model's seed by a full retrain"
    MODEL_SET_REPLAY = "model.set-replay", "say when a model is replayed"
    MODEL_DECIDE = "model.decide", "decide on a model that waits for a decision"
    REQUEST_SUBMIT = "request.submit", "take a request in"
    REQUEST_IMPORT = "request.import", "take many requests in"
    REQUEST_LIST = "request.list", "list the requests"
    REQUEST_SHOW = "request.show", "show a request and its plan"
    REQUEST_PLAN = "request.plan", "see what is planned for a request, and for whom it must be passed on"
    REQUEST_APPROVE = "request.approve", "approve a request"
    REQUEST_REFUSE = "request.refuse", "refuse a request"
    REQUEST_HOLD = "request.hold", "hold a request, or end a hold"
    REQUEST_EXTEND = "request.extend", "extend a request's deadline"
    REQUEST_WITHDRAW = "request.withdraw", "withdraw a request for who made it"
    REQUEST_REPLAN = "request.replan", "send an erasure that cannot go on back to planned"
    DUE = "due", "see what is due, late or blocked"
    ERASE = "erase", "erase the people of approved requests"
    CERTIFICATE_REPLAY = "certificate.replay", "retrain and compare with a certificate"
    LOG_VERIFY = "log.verify", "check the audit log, and take its signed head along"
    REPORT = "report", "write the report of a certificate"
    RECIPIENT_ADD = "recipient.add", "enter who receives data"
    RECIPIENT_LIST = "recipient.list", "list who receives data"
    RECIPIENT_DISCLOSE = "recipient.disclose", "note what a recipient received"
    RECIPIENT_END = "recipient.end", "note that a recipient receives nothing any more"
    TASK_LIST = "task.list", "list what recipients must still be told"
    TASK_SHOW = "task.show", "see of whom a recipient must be told"
    TASK_DONE = "task.done", "note that a recipient was told"
    TASK_EXPLAIN = "task.explain", "say why a recipient cannot be told"
    LEDGER_SHOW = "ledger.show", "see the state of the suppression ledger"
    LEDGER_RELEASE = "ledger.release", "let an erased person come back"
    LEDGER_EXPORT = "ledger.export", "write the suppression ledger out"
    LEDGER_RESTORE = "ledger.restore", "read the suppression ledger back"
    LEDGER_DESTROY = "ledger.destroy", "destroy the suppression ledger and its key"
    LEDGER_CHECK = "ledger.check", "check the datasets against the suppression ledger"
    ACTOR_ADD = "actor.add", "enter an actor"
    ACTOR_LIST = "actor.list", "list the actors"
    ACTOR_DISABLE = "actor.disable", "disable an actor for good"
    ACTOR_PASSWD = "actor.passwd", "renew an actor's passphrase or key"
    POLICY_SHOW = "policy.show", "see who may do what"
    POLICY_CHECK = "policy.check", "check a draft of policy.cedar"
    POLICY_RESET = "policy.reset", "put the default policy.cedar in place"


class Purpose(_Explained):
    """What records are read for (GDPR Art. 5(1)(b)): a closed list, so that the log can tell it and names nobody."""

    ACCESS = "access", "the person asks what is held of them (GDPR Art. 15, CCPA 1798.110)"
    IDENTITY = "identity", "there is reasonable doubt about who asks (GDPR Art. 12(6))"
    RECTIFICATION = "rectification", "the person says that something is wrong (GDPR Art. 16, CCPA 1798.106)"
    COMPLAINT = "complaint", "a supervisory authority or a court asks (GDPR Art. 31 and 58(1))"
