"""Numbers of the priors as data of a model, so that a compiled model can be refitted to others."""

from __future__ import annotations

from typing import Any

import pymc as pm

from meta.priors import PriorSet


def hyperparameters(parameter: str, priors: PriorSet) -> list[Any]:
    """Scalars of one parameter's prior, as the datum `prior_<parameter>` of the model in context.

    Parameters
    ----------
    parameter
        Name of a field of the prior set.
    priors
        Named prior set of the specification.
    """
    values = priors.numbers(parameter)
    data = pm.Data(f"prior_{parameter}", values)
    return [data[i] for i in range(values.size)]
