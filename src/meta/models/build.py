"""From a design to its model, whichever kind of model it is of."""

from __future__ import annotations

import pymc as pm

from meta.models.chain import build_chain
from meta.models.contrast_design import ContrastDesign
from meta.models.contrasts import build_contrasts
from meta.models.design import Design
from meta.priors import PriorSet


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
