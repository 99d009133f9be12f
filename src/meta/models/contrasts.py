r"""Contrasts of arms within a study: what an intervention does to the log odds of goal failure.

Arm-based: each arm is one row with its own counts, never a log odds ratio computed beforehand, so
that arms which share a baseline share its noise (Senn 2009, doi:10.1186/1471-2288-9-10). For arm i
of baseline group g in study s, with :math:`x_{ik}` saying which interventions the arm has over the
baseline of its group

.. math::
    \eta_i = m_g + \sum_k x_{ik} (\delta_k + v_{ks}) + e_i, \quad
    v_{ks} \sim N(0, \tau_\delta^2), \; e_i \sim N(0, \kappa^2)

with e only in binomial models with the level arm; under the beta-binomial, arms vary about
inverse-logit(eta) with the intra-class correlation icc instead. Either is the variation between
arms that differ in nothing the contrasts name: two treated arms of one baseline have effects with
covariance one half. A chain of contrasts adds up.

Each :math:`m_g` has a wide prior of its own. Were baselines drawn towards each other, an arm would
in part be compared with the baselines of other groups (Dias & Ades 2016, doi:10.1002/jrsm.1184).
"""

from __future__ import annotations

from typing import Any

import pymc as pm
import pytensor.tensor as pt

from meta.models.contrast_design import ContrastDesign
from meta.models.counts import observe_counts
from meta.models.hyperparameters import hyperparameters
from meta.models.units import around, centred, half
from meta.priors import PriorSet


def build_contrasts(design: ContrastDesign, priors: PriorSet) -> pm.Model:
    """Build the model of a design.

    Parameters
    ----------
    design
        Arrays of the analysis set.
    priors
        Named prior set: `baseline` of each group, `delta` and `tau_delta` of
        the effects, `kappa` or `icc` of the arms.

    Returns
    -------
    pymc.Model
        With the data containers of `meta.models.counts.count_data`, the parameters by their
        prior's name, `baseline_logit` of each baseline group and `effect` of each intervention in
        each study.
    """
    with pm.Model(coords=_coordinates(design)) as model:
        baseline = pm.Normal(
            "baseline_logit", *hyperparameters("baseline", priors), dims="baseline"
        )
        eta = baseline[design.row_unit[1]]
        delta = pm.Normal("delta", *hyperparameters("delta", priors), dims="intervention")
        spread = half("tau_delta", priors, dims=None)
        mean = delta[design.cell_intervention]
        centre = centred(design, "effect", "effect_of")[:, 0]
        effect = around("effect", mean, spread, centre, "effect_of")
        pm.Deterministic("effect", effect, dims="effect_of")
        eta = eta + pt.dot(design.row_cells, effect)
        if "arm" in design.spec.levels:
            kappa = half("kappa", priors)[0]
            centre = centred(design, "arm", "arm")[:, 0]
            eta = around("arm_goal_failure", eta, kappa, centre, "arm")
        observe_counts(design, priors, eta[:, None])
    return model


def _coordinates(design: ContrastDesign) -> dict[str, Any]:
    cells = zip(design.cell_intervention, design.cell_study, strict=True)
    studies = design.levels[0].units
    return {
        "stage": list(design.stages),
        "observation": [f"{arm}:goal_failure" for arm in design.rows["row_id"].astype(str)],
        "intervention": design.interventions,
        "effect_of": [f"{design.interventions[k]}|{studies[s]}" for k, s in cells],
        **{level.name: level.units for level in design.levels},
    }
