r"""The whole chain: harm of catalogued cases joined, draw by draw, to rates of evaluations.

No evaluation counts harm, so the stages come from different evidence: capability and goal failure
from arms with denominators, harm given goal failure from coded cases. Draws of two posteriors that
share no data are independent, so that any pairing of them is a draw of the joint posterior; two
fits to imputed codes are paired set by set, since they share the codes. What no data tell is a
prior:

notoriety
    log odds ratio by which harmful failures are likelier to be written up, taken off the cases
    (see `meta.estimands.notoriety`);
transport
    log odds by which harm is likelier in the settings of the arms than in those of the cases, a
    bias with a prior centred at none, which widens what is carried over (Ades & Sutton 2006,
    doi:10.1111/j.1467-985X.2005.00377.x);
correlation
    of a study's harm with its goal failures, :math:`\rho`. Given goal failure, harm is taken to be
    independent of capability, whose correlation with it is therefore :math:`\rho` times that of
    capability and goal failure, and the whole is a correlation matrix for any :math:`\rho`.

The product is averaged over studies, or predicted for a new one, with all three effects correlated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logit

from meta.estimands.draws import Draws, Estimate
from meta.estimands.notoriety import HARM, harm_alone
from meta.estimands.population import population_estimates
from meta.models.design import Design
from meta.models.moderators import Group
from meta.models.row_weights import row_weights
from meta.priors import Normal, Notoriety

WHOLE = "harmful_misgeneralization"
STAGES = ("capability_transfer", "goal_failure", HARM)
#: What is reported of harm as it enters the product, and of the product.
REPORTED = ("rate_typical", "rate_mean", "rate_new")


@dataclass(frozen=True)
class Judgements:
    r"""What no data tell of the chain.

    Attributes
    ----------
    notoriety, transport
        Priors of log odds ratios of harm.
    correlation
        Of a study's harm with its goal failures: a number, or the prior of Lewandowski, Kurowicka
        and Joe with this `eta` where it is None.
    eta
        Concentration of that prior; of one correlation it is :math:`2 B - 1` with
        :math:`B \sim \mathrm{Beta}(\eta, \eta)`.
    """

    notoriety: Notoriety
    transport: Normal
    correlation: float | None = None
    eta: float = 2.0


@dataclass(frozen=True)
class HarmChain:
    """Paired draws of the stages, D of them.

    Attributes
    ----------
    rates
        Draws of capability and goal failure.
    harm
        Draws of harm alone, notoriety and transport taken into its location.
    correlation
        Shape (D,), of a study's harm with its goal failures.
    notoriety, transport
        Shape (D,): what was taken off harm's location, and what was added to it.
    """

    rates: Draws
    harm: Draws
    correlation: np.ndarray
    notoriety: np.ndarray | float = 0.0
    transport: np.ndarray | float = 0.0

    def at(self, rate_x: np.ndarray, harm_x: np.ndarray) -> Draws:
        """Draws of all three stages at settings of the moderators.

        Parameters
        ----------
        rate_x, harm_x
            Rows of the two design matrices, shape (P,), or one for each draw, shape (D, P).

        Returns
        -------
        Draws
            With the settings in the location and no slopes.
        """
        rates, harm = self.rates, self.harm
        location = np.concatenate(
            [_location(rates, np.asarray(rate_x)), _location(harm, np.asarray(harm_x))], axis=1
        )
        return Draws(
            shape=rates.shape,
            location=location,
            slope=np.zeros((len(location), 0, len(STAGES))),
            tau=np.concatenate([rates.tau, harm.tau], axis=1),
            inner=np.concatenate([rates.inner, harm.inner], axis=1),
            icc=None,
            factor=_joined_factor(rates.factor, self.correlation),
            df=None,
        )


def join(rates: Draws, harm: Draws, judgements: Judgements, rng: np.random.Generator) -> HarmChain:
    """Pair the draws of two fits and draw what no data tell.

    Parameters
    ----------
    rates
        Draws of a model of capability and goal failure with normal study effects.
    harm
        Draws of a composition with normal effects, whose last stage is harm. As many draws.
    judgements
        Priors of notoriety, transport and correlation.
    rng
        Stream of their draws.

    Raises
    ------
    ValueError
        If the study effects of either are not normal, or the numbers of draws differ.
    """
    for draws in (rates, harm):
        if draws.df is not None or draws.upper_share is not None:
            raise ValueError("the stages can be joined where study effects are normal")
    if rates.shape != harm.shape:
        raise ValueError(f"draws of shape {rates.shape} cannot be paired with {harm.shape}")
    count = len(rates.location)
    alone = harm_alone(harm)
    # Drawn whether used or not, so that a fixed correlation changes nothing else.
    lkj = 2 * rng.beta(judgements.eta, judgements.eta, count) - 1
    notoriety = rng.normal(judgements.notoriety.mu, judgements.notoriety.sigma, count)
    transport = rng.normal(judgements.transport.mu, judgements.transport.sigma, count)
    moved = alone.location + (transport - notoriety)[:, None]
    fixed = judgements.correlation
    return HarmChain(
        rates=rates,
        harm=replace(alone, location=moved),
        correlation=lkj if fixed is None else np.full(count, float(fixed)),
        notoriety=notoriety,
        transport=transport,
    )


def harm_setting(group: str, harm: Design) -> np.ndarray | None:
    """Row of the harm model's design matrix for a group of a model of rates.

    Parameters
    ----------
    group
        `all`, or `field=level`.
    harm
        Design of the harm model; its other moderators stay at the evidence's mean.

    Returns
    -------
    numpy.ndarray or None
        None where the harm model has the moderator but not the level. A moderator that it does not
        have leaves harm at its mean.
    """
    mean = row_weights(harm.rows) @ harm.x
    name, _, level = group.partition("=")
    for moderator in harm.moderators:
        if moderator.name != name:
            continue
        if level not in moderator.levels:
            return None
        mean[moderator.columns] = moderator.settings[moderator.levels.index(level)]
    return mean


def chain_estimates(
    chain: HarmChain, rates: Design, harm: Design, rng: np.random.Generator
) -> list[Estimate]:
    """Harm given goal failure as it enters the product, and the product, for each group.

    Parameters
    ----------
    chain
        Paired draws.
    rates, harm
        Designs of the two fits.
    rng
        Stream of the predictive draws.

    Returns
    -------
    list of Estimate
        `REPORTED` of harm and of `WHOLE`. The rows behind the product are those of `rates` that
        count goal failures; of harm, those of `harm` that reach it.
    """
    found: list[Estimate] = []
    three = replace(rates, stages=STAGES)
    for group in rates.groups:
        harm_x = harm_setting(group.label, harm)
        if harm_x is None:
            continue
        draws = chain.at(group.x, harm_x)
        seen = np.intersect1d(rates.rows_of_stage(1), np.flatnonzero(group.rows))
        level = Group(group.label, np.zeros(0), group.rows)
        for estimate in population_estimates(draws, three, level, rng):
            if estimate.estimand not in REPORTED or estimate.outcome not in (HARM, WHOLE):
                continue
            rows = seen if estimate.outcome == WHOLE else cells_behind(group.label, harm)
            found.append(replace(estimate, rows=rows))
    return found


def judged_share(typical: np.ndarray, judgements: Judgements) -> float:
    """Share of the uncertainty of harm in the typical study that no further case can take away.

    Parameters
    ----------
    typical
        Draws of the typical rate of harm as it enters the product.
    judgements
        Priors of notoriety and transport, of which nothing is learned.

    Returns
    -------
    float
        Their variance over that of the logit of the draws; 1 where chance makes it larger.
    """
    judged = judgements.notoriety.sigma**2 + judgements.transport.sigma**2
    return min(1.0, judged / float(logit(typical).var()))


def cells_behind(group: str, harm: Design) -> np.ndarray:
    """Rows of the harm model that reach harm in a group; all of them where it has no such group.

    Parameters
    ----------
    group
        `all`, or `field=level`.
    harm
        Design of the harm model.
    """
    reached = harm.rows_of_stage(len(harm.stages) - 1)
    name, _, level = group.partition("=")
    for moderator in harm.moderators:
        if moderator.name == name and level in moderator.levels:
            members = moderator.members[moderator.levels.index(level)]
            return np.intersect1d(reached, np.flatnonzero(members))
    return reached


def _location(draws: Draws, x: np.ndarray) -> np.ndarray:
    effect = np.einsum("p,dpo->do" if x.ndim == 1 else "dp,dpo->do", x, draws.slope)
    return np.asarray(draws.location + effect)


def _joined_factor(factor: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Cholesky factor (D, 3, 3) of the stages' correlation, harm following goal failure alone.

    The row of harm is the correlation times that of goal failure, and of unit length.
    """
    count = len(factor)
    joined = np.zeros((count, 3, 3))
    joined[:, :2, :2] = factor
    joined[:, 2, :2] = correlation[:, None] * factor[:, 1]
    joined[:, 2, 2] = np.sqrt(1 - correlation**2)
    return joined
