r"""Replicated counts of new studies, and the statistics by which they are compared with the data.

Replicates are in the new-study sense (mixed predictive; Gelman, Meng & Stern 1996, Statistica
Sinica 6:733-807; Marshall & Spiegelhalter 2003, doi:10.1002/sim.1403): given the hyperparameters
of a draw, the effects of every study, agent set and arm are drawn anew from their population, and
then the counts. Replicates under the fitted effects would follow the data whatever the population,
so that no statistic of them could fail.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit

from meta.models.arm_rates import product_logit
from meta.models.design import Design
from meta.models.likelihood import Parameters

#: Rates are clipped this far from 0 and 1, where a beta distribution has no shape.
EDGE = 1e-12
STATISTICS = {
    "zero_event_arms": "arms without an event",
    "all_event_arms": "arms in which every trial is an event",
    "largest_rate": "largest rate of an arm",
    "sd_between_studies": "sd between studies of their mean logit",
    "sd_within_studies": "sd of logits of arms about their study",
    "share_above_half": "share of arms with a rate above .5",
}


@dataclass(frozen=True)
class Part:
    """Draws and the design that they are draws of: one, or one for each imputed code set.

    `shape` is (chains, draws), the draws of `parameters` being flattened in this order; one in
    `step` draws was kept.
    """

    design: Design
    parameters: Parameters
    shape: tuple[int, int]
    step: int = 1


def take(parameters: Parameters, index: np.ndarray, families: Collection[str] = ()) -> Parameters:
    """Draws at some indices (which may repeat), without the effects of units.

    Parameters
    ----------
    parameters
        Draws of a fit.
    index
        Indices of the draws.
    families
        Families of agents whose effects are kept: for a study that is left out, those that other
        studies have too (`meta.models.agent_families.shared_families`).
    """
    return replace(
        parameters,
        alpha=parameters.alpha[index],
        beta=parameters.beta[index],
        factor=parameters.factor[index],
        scale={name: values[index] for name, values in parameters.scale.items()},
        icc=None if parameters.icc is None else parameters.icc[index],
        **{
            name: None if values is None else values[index]
            for name, values in (
                ("df", parameters.df),
                ("upper_share", parameters.upper_share),
                ("split", parameters.split),
            )
        },
        logits={},
        crossed={
            name: {label: values[index] for label, values in effects.items() if label in families}
            for name, effects in parameters.crossed.items()
        },
    )


def new_logits(design: Design, draws: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Logits of the design's rows with all effects but those of arms drawn anew.

    The effects of families of agents that are known are kept.

    Parameters
    ----------
    design
        Design whose levels, rows and moderators are kept.
    draws
        D draws of the hyperparameters; families of agents that have effects in `crossed` keep
        them.
    rng
        Source of the effects.

    Returns
    -------
    numpy.ndarray
        Shape (D, R, O).
    """
    count, stages = draws.alpha.shape
    top = design.levels[0]
    z = rng.standard_normal((count, len(top.units), stages))
    if draws.upper_share is not None and draws.split is not None:
        share, split = draws.upper_share[:, None], draws.split[:, None]
        upper = rng.random(z.shape[:2]) < share
        z[..., -1] *= np.sqrt(1 - split)
        z[..., -1] += (upper - share) * np.sqrt(split / (share * (1 - share)))
    effect = draws.scale[top.name][:, None] * np.einsum("dij,duj->dui", draws.factor, z)
    if draws.df is not None:
        # Scale mixture shared by a study's stages: a multivariate t.
        mixing = rng.gamma(draws.df[:, None] / 2, 2 / draws.df[:, None], effect.shape[:2])
        effect = effect / np.sqrt(mixing)[:, :, None]
    logits = draws.alpha[:, None] + effect
    above = [level for level in design.levels if level.name != "arm"]
    for level in above[1:]:
        z = rng.standard_normal((count, len(level.units), stages))
        logits = logits[:, level.parent] + draws.scale[level.name][:, None] * z
    rows = logits[:, design.row_unit[len(above) - 1]] + np.einsum(
        "rp,dpo->dro", design.x, draws.beta
    )
    for level, unit in zip(design.crossed, design.row_crossed, strict=True):
        z = rng.standard_normal((count, len(level.units), stages))
        effects = draws.scale[level.name][:, None] * z
        for label, known in draws.crossed.get(level.name, {}).items():
            effects[:, level.units.index(label)] = known
        rows = rows + effects[:, unit]
    return np.asarray(rows)


def new_rates(design: Design, draws: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Rates of the design's observations in new studies, before binomial noise, shape (D, N)."""
    logits = new_logits(design, draws, rng)
    own, capable = logits[:, design.row, design.stage], logits[:, design.row, 0]
    if "arm" in draws.scale:
        # An arm varies on the logit of what it counts.
        kappa = draws.scale["arm"][:, design.stage]
        product = product_logit(capable, own, draws.scale["arm"][:, :1], kappa)
        middle = np.where(design.through_capability, product, own)
        return np.asarray(expit(middle + kappa * rng.standard_normal(own.shape)))
    rate = expit(own)
    rate = np.where(design.through_capability, rate * expit(capable), rate)
    if draws.icc is None:
        return np.asarray(rate)
    return beta_rates(rate, draws.icc[:, design.stage], rng)


def beta_rates(rate: np.ndarray, icc: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rates of arms, beta-distributed about a mean with an intra-class correlation."""
    size = (1 - icc) / np.maximum(icc, EDGE)
    rate = np.clip(rate, EDGE, 1 - EDGE)
    # numpy refuses shape parameters that underflow to zero.
    a, b = np.maximum(rate * size, 1e-300), np.maximum((1 - rate) * size, 1e-300)
    drawn = rng.beta(a, b)
    # Where both shapes are tiny the beta is 0 or 1, and numpy may divide 0 by 0.
    return np.where(np.isfinite(drawn), drawn, (rng.uniform(size=rate.shape) < rate).astype(float))


def replicate(design: Design, draws: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Counts of the design's observations in new studies, shape (D, N)."""
    return rng.binomial(design.trials, new_rates(design, draws, rng))


def applicable(design: Design, stage: int) -> list[str]:
    """Statistics that the rows of a stage define; none for a stage without observations."""
    seen = (design.stage == stage) & (design.trials > 0)
    studies = design.row_unit[0][design.row[seen]]
    if not seen.any():
        return []
    names = list(STATISTICS)
    if np.unique(studies).size < 2:
        names.remove("sd_between_studies")
    if np.unique(studies).size == studies.size:
        names.remove("sd_within_studies")
    return names


def defined(designs: Iterable[Design]) -> set[tuple[str, str]]:
    """Stage and name of each statistic that any of some designs defines, whatever was computed."""
    return {
        (stage, name)
        for design in designs
        for o, stage in enumerate(design.stages)
        for name in applicable(design, o)
    }


def statistics(design: Design, events: np.ndarray, stage: int) -> dict[str, np.ndarray]:
    """Statistics of counts, for one stage.

    Parameters
    ----------
    design
        Design that the counts are of.
    events
        Counts, shape (D, N).
    stage
        Index of the stage.

    Returns
    -------
    dict of str to numpy.ndarray
        Shape (D,) each: those that are `applicable`. Logits are of (events + 1/2) / (trials + 1),
        a descriptive transformation that serves only to compare; no estimate rests on it.
    """
    seen = np.flatnonzero((design.stage == stage) & (design.trials > 0))
    trials, count = design.trials[seen], events[:, seen]
    rate = count / trials
    logits = logit((count + 0.5) / (trials + 1))
    units, study = np.unique(design.row_unit[0][design.row[seen]], return_inverse=True)
    member = (study[:, None] == np.arange(units.size)).astype(float)
    mean = logits @ member / member.sum(axis=0)
    spare = seen.size - units.size
    within = ((logits - mean[:, study]) ** 2).sum(axis=1)
    found = {
        "zero_event_arms": (count == 0).sum(axis=1).astype(float),
        "all_event_arms": (count == trials).sum(axis=1).astype(float),
        "largest_rate": rate.max(axis=1, initial=0.0),
        "sd_between_studies": mean.std(axis=1, ddof=1) if units.size > 1 else np.zeros(len(mean)),
        "sd_within_studies": np.sqrt(within / max(spare, 1)),
        "share_above_half": (rate > 0.5).mean(axis=1) if seen.size else np.zeros(len(mean)),
    }
    return {name: found[name] for name in applicable(design, stage)}


@dataclass(frozen=True)
class Comparison:
    """One statistic of replicates and of the data, each of shape (D,)."""

    stage: str
    statistic: str
    replicated: np.ndarray
    observed: np.ndarray

    @property
    def tails(self) -> tuple[float, float]:
        """Shares of replicates at most and at least as large as the observed value."""
        low = float((self.replicated <= self.observed).mean())
        return low, float((self.replicated >= self.observed).mean())

    @property
    def tail_probability(self) -> float:
        """Two-sided: twice the smaller tail, ties counted in both, at most one."""
        return min(1.0, 2 * min(self.tails))

    @property
    def mcse(self) -> float:
        """Monte Carlo error of the tail probability (binomial, never below one replicate's)."""
        tail = max(min(self.tails), 1 / self.replicated.size)
        return float(2 * np.sqrt(tail * (1 - tail) / self.replicated.size))


def compare(parts: Sequence[Part], seed: int, most: int) -> list[Comparison]:
    """Compare data with replicates of new studies, statistic by statistic.

    Parameters
    ----------
    parts
        Draws of the prior or of the posterior with their designs; each replicate is compared with
        the data of its own design (imputed code sets may count differently).
    seed
        Seed of the replicates.
    most
        Replicates at most, spread evenly over draws.

    Returns
    -------
    list of Comparison
        In the order of stages and statistics.
    """
    rng = np.random.default_rng(seed)
    found: dict[tuple[str, str], list[tuple[np.ndarray, np.ndarray]]] = {}
    for part in parts:
        total = len(part.parameters.alpha)
        index = np.linspace(0, total - 1, max(1, most // len(parts))).round().astype(int)
        counts = replicate(part.design, take(part.parameters, index), rng)
        for o, stage in enumerate(part.design.stages):
            new = statistics(part.design, counts, o)
            old = statistics(part.design, part.design.events[None], o)
            for name, values in new.items():
                pair = (values, np.full(values.size, old[name][0]))
                found.setdefault((stage, name), []).append(pair)
    return [
        Comparison(stage, name, *(np.concatenate(side) for side in zip(*pairs, strict=True)))
        for (stage, name), pairs in found.items()
    ]
