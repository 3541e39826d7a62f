"""Tables that may be shown: k-anonymity, l-diversity, t-closeness, counted by people.

::

    made = generalise(frame, Rules(k=10, l=2), subjects=ids, quasi=["age", "ward"], sensitive=["diagnosis"])
    made.to_csv()                                  # what is published
    made.after.risk, made.after.loss               # what risk is left, and what was lost
    overlap(made.groups, earlier.groups, k=10)     # what two releases say together

A generalised table is still about people: none of them is erased by it, and nothing here is certified.
"""

from expunge.privacy.composition import Overlap, overlap
from expunge.privacy.hierarchy import Hierarchy, read_hierarchy
from expunge.privacy.measures import Attained, Loss, Risk, risk
from expunge.privacy.release import Measures, Release, generalise
from expunge.privacy.rules import Diversity, Rules

__all__ = [
    "Attained",
    "Diversity",
    "Hierarchy",
    "Loss",
    "Measures",
    "Overlap",
    "Release",
    "Risk",
    "Rules",
    "generalise",
    "overlap",
    "read_hierarchy",
    "risk",
]
