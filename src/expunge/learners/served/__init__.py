"""What predicts, saved without a row and without a pickle: one class per kind."""

from __future__ import annotations

from expunge.learners.served.boosters import LightGBMModel, XGBoostModel
from expunge.learners.served.linear import LinearModel
from expunge.learners.served.model import (
    ServedModel,
    Signature,
    digest_of_files,
    from_files,
    in_label_order,
    labels,
    unpacked,
)
from expunge.learners.served.pipeline import PipelineModel
from expunge.learners.served.trees import TreesModel

__all__ = [
    "LightGBMModel",
    "LinearModel",
    "PipelineModel",
    "ServedModel",
    "Signature",
    "TreesModel",
    "XGBoostModel",
    "digest_of_files",
    "from_files",
    "in_label_order",
    "labels",
    "unpacked",
]
