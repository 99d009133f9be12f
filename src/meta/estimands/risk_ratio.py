r"""Standardised risk ratios and differences of moderators, by g-computation over the evidence.

Every row of the model is given one setting of the moderator, its other moderators as they are, and
the average over studies of the rate is taken at each, rows weighing as `meta.models.row_weights`
says (Robins 1986, doi:10.1016/0270-0255(86)90088-6; Greenland 2004, doi:10.1093/aje/kwh221).
The ratio is one of averages, draw by draw, not an average of ratios. These are associations between
settings of studies: nothing here makes them effects of changing a setting.

How far a ratio departs from 1 depends on the level too: where averages are known to be high, none
can be large. Its draws thus narrow as the level becomes known, though nothing is learned of the
settings. What the data say of the comparison is told by the log odds between the settings a and b
instead, :math:`\delta_s = (x_a - x_b)'\beta_s` in stage s, in which no level takes part; where a
product is compared, by

.. math::
    \sum_s w_s \delta_s, \qquad w_s = 1 - \bar p_s

with :math:`\bar p_s` the posterior mean of the stage's average, over both settings: the first order
of the log ratio where the level is held at its posterior, as
:math:`\partial \log \prod_s p_s / \partial \operatorname{logit} p_s = 1 - p_s`. A stage that nearly
always happens hardly moves the product, and so hardly counts. The weights are the posterior's for
the prior as well, so that both tell of the same number.
"""

from __future__ import annotations

import numpy as np

from meta.estimands.averages import StudyAverages
from meta.estimands.draws import Estimate, LogOddsRatio, outcomes
from meta.models.design import Design
from meta.models.moderators import AGAINST, Moderator
from meta.models.row_weights import row_weights


def standardised_estimates(averages: StudyAverages, design: Design) -> list[Estimate]:
    """Estimate the risk ratio and difference of each setting of each moderator.

    Parameters
    ----------
    averages
        Averages over studies of a fit.
    design
        Its design.

    Returns
    -------
    list of Estimate
        Groups `<moderator>=<level> vs <reference>`. The reference is the first level, in the order
        of the vocabulary, that any row has; of a number, its mean, against one sd above it. The
        rows behind them are those with either level; none where one level has none.
    """
    found: list[Estimate] = []
    for moderator in design.moderators:
        for outcome, stages in outcomes(design):
            base = _standardised(averages, design, moderator, moderator.reference, stages)
            seen = design.rows_of_stage(stages.stop - 1)
            for level, name in enumerate(moderator.levels):
                if level == moderator.reference:
                    continue
                risk = _standardised(averages, design, moderator, level, stages)
                group = f"{moderator.name}={name}{AGAINST}{moderator.levels[moderator.reference]}"
                rows = _rows_behind(moderator, level, seen)
                log_odds = _log_odds(averages, design, moderator, level, stages)
                for estimand, values in (
                    ("risk_ratio", risk / base), ("risk_difference", risk - base),
                ):  # fmt: skip
                    draws = values.reshape(averages.draws.shape)
                    found.append(Estimate(outcome, group, estimand, draws, rows, log_odds))
    return found


def _standardised(
    averages: StudyAverages, design: Design, moderator: Moderator, level: int, stages: slice
) -> np.ndarray:
    """Average rate over the evidence with the moderator at one level, shape (D,)."""
    x = design.x.copy()
    x[:, moderator.columns] = moderator.settings[level]
    settings, which = np.unique(x, axis=0, return_inverse=True)
    weight = np.bincount(which.ravel(), weights=row_weights(design.rows))
    return np.asarray(
        sum(w * averages.mean(s, stages) for w, s in zip(weight, settings, strict=True))
    )


def _log_odds(
    averages: StudyAverages, design: Design, moderator: Moderator, level: int, stages: slice
) -> LogOddsRatio:
    """Log odds of each stage between a level and the reference, and what each stage counts."""
    step = moderator.settings[level] - moderator.settings[moderator.reference]
    slope = averages.draws.slope[:, moderator.columns, stages]
    moved = np.einsum("p,dps->ds", step, slope)
    rates = [
        [_standardised(averages, design, moderator, side, slice(o, o + 1)).mean()
         for o in range(stages.start, stages.stop)]
        for side in (level, moderator.reference)
    ]  # fmt: skip
    return LogOddsRatio(moved.reshape(*averages.draws.shape, -1), 1 - np.mean(rates, axis=0))


def _rows_behind(moderator: Moderator, level: int, seen: np.ndarray) -> np.ndarray:
    """Rows that observe a stage at the level or at the reference; none if one has none."""
    sides = [np.flatnonzero(moderator.members[i]) for i in (level, moderator.reference)]
    observed = [np.intersect1d(seen, side) for side in sides]
    if any(side.size == 0 for side in observed):
        return np.array([], int)
    return np.union1d(*observed)
