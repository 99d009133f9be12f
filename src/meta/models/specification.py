"""From a specification to its design, whichever kind of model it states.

This module builds no model, so that planning a run need not import PyMC.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from meta.config import ModelSpec
from meta.models.contrast_design import build_contrast_design
from meta.models.design import Design, build_design


def design_of(
    table: pd.DataFrame, spec: ModelSpec, categories: Mapping[str, list[str]] | None = None
) -> Design:
    """Turn an analysis set into the design of its specification.

    Parameters
    ----------
    table, spec, categories
        As for `meta.models.design.build_design`.

    Raises
    ------
    FrameError, DesignError
        As the builder of the kind of model.
    """
    if spec.frame == "contrasts":
        return build_contrast_design(table, spec)
    return build_design(table, spec, categories)
