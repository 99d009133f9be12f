"""Correlation of the stages' study effects: estimated under an LKJ prior, fixed, or none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from meta.models.design import Design
from meta.models.hyperparameters import hyperparameters
from meta.priors import PriorSet


def correlation_factor(design: Design, priors: PriorSet) -> list[list[Any]]:
    """Lower Cholesky factor of the correlation matrix R, as rows of scalars.

    Parameters
    ----------
    design
        Design whose specification says which correlation: `lkj`, `independent` or a number.
    priors
        Named prior set; `correlation` is read under `lkj`.

    Notes
    -----
    Adds `correlation` (by stage pair) to the model in context where there are two stages or more,
    so that whatever reads a posterior finds it, also where it is fixed. A fixed correlation is
    data (`fixed_correlation`): a compiled model can be refitted to another.
    """
    d = len(design.stages)
    if d == 1:
        return [[1.0]]
    if design.spec.correlation == "lkj":
        return _estimated(d, priors)
    pairs = pm.Data("fixed_correlation", fixed_correlation(design))
    pm.Deterministic("correlation", pairs, dims="stage_pair")
    factor: list[list[Any]] = [[1.0]]
    k = 0
    for j in range(1, d):
        line: list[Any] = []
        for i in range(j):
            known = sum((line[m] * factor[i][m] for m in range(i)), start=0.0)
            line.append((pairs[k] - known) / factor[i][i])
            k += 1
        factor.append([*line, pt.sqrt(1 - sum(v**2 for v in line))])
    return factor


def fixed_correlation(design: Design) -> np.ndarray:
    """Correlation of each pair of stages that the specification fixes."""
    d = len(design.stages)
    value = design.spec.correlation
    return np.full(d * (d - 1) // 2, 0.0 if isinstance(value, str) else value)


def _estimated(d: int, priors: PriorSet) -> list[list[Any]]:
    """Factor of R ~ LKJ(eta), from canonical partial correlations.

    Lewandowski, Kurowicka & Joe (2009), doi:10.1016/j.jmva.2009.04.008: on a C-vine the partial
    correlation of tree t (0-based) among d variables is 2 Beta(b, b) - 1 with
    b = eta + (d - 2 - t) / 2. For at most three stages this compiles far faster than a general
    matrix prior.
    """
    tree = [t for j in range(1, d) for t in range(j)]
    (eta,) = hyperparameters("correlation", priors)
    b = eta + np.array([(d - 2 - t) / 2 for t in tree])
    partial = 2 * pm.Beta("partial_raw", b, b, dims="stage_pair") - 1
    factor: list[list[Any]] = [[1.0]]
    k = 0
    for j in range(1, d):
        left: Any = 1.0
        line: list[Any] = []
        for _ in range(j):
            line.append(partial[k] * left)
            left = left * pt.sqrt(1 - partial[k] ** 2)
            k += 1
        factor.append([*line, left])
    pairs = [
        sum((factor[i][m] * factor[j][m] for m in range(i + 1)), start=pt.as_tensor(0.0))
        for j in range(d)
        for i in range(j)
    ]
    pm.Deterministic("correlation", pt.stack(pairs), dims="stage_pair")
    return factor
