"""From a specification to its design and its model, whichever kind of model it states."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pymc as pm

from meta.config import ModelSpec
from meta.models.chain import build_chain
from meta.models.contrast_design import ContrastDesign, build_contrast_design
from meta.models.contrasts import build_contrasts
from meta.models.design import Design, build_design
from meta.priors import PriorSet


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


def model_of(design: Design, priors: PriorSet) -> pm.Model:
    """Build the model of a design.

    Parameters
    ----------
    design
        Arrays of the analysis set.
    priors
        Named prior set of the specification.
    """
    if isinstance(design, ContrastDesign):
        return build_contrasts(design, priors)
    return build_chain(design, priors)
