"""Recipients of the data: whom an erasure must be passed on to (GDPR Art. 19; CCPA 1798.105(c))."""

from __future__ import annotations

from enum import StrEnum


class RecipientKind(StrEnum):
    """In which role somebody received personal data (GDPR Art. 4(7)-(9); CCPA 1798.140)."""

    PROCESSOR = "processor"
    CONTROLLER = "controller"
    SERVICE_PROVIDER = "service-provider"
    CONTRACTOR = "contractor"
    THIRD_PARTY = "third-party"


class Told(StrEnum):
    """What came of passing an erasure on to a recipient."""

    OPEN = "open"
    DONE = "told"
    EXPLAINED = "impossible or disproportionate effort"
