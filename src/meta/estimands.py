"""Estimands: posterior draws to typical, mean and new-study rates, products and heterogeneity.

Every estimand keeps its draws until it is summarised once: stages are multiplied draw by draw and
never through summaries. All are defined at the level of a study's mean rate over its arms, so
that they compare across likelihoods:

``rate_typical``
    inverse-logit of the intercept: the rate at the centre of the logit scale. Under the
    beta-binomial it is the mean rate of arms in the median study, under the binomial-normal the
    rate of the median arm: the one estimand that does not compare across likelihoods.
``rate_mean``
    average over studies, agent sets and arms (Zeger, Liang & Albert 1988, doi:10.2307/2531734).
``rate_new``
    predictive distribution of a new study's mean rate over agent sets and arms.
``rate_new_arm``
    predictive distribution of the rate of one new arm in a new study; for a product, of an arm
    that counts among all trials.
``study_rate``
    mean rate over the arms of a study in the evidence, shrunken by the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import expit
from scipy.stats import gamma as gamma_distribution

from meta.models.design import Design, Group

#: Normal quantile .75 times the square root of 2: the scale of the median odds ratio (Larsen &
#: Merlo 2005, doi:10.1093/aje/kwi017).
MEDIAN_ODDS_FACTOR = 0.6744897501960817 * np.sqrt(2)
#: Gauss-Hermite nodes of each dimension, by number of stages; the second where the logit varies
#: widely (sd above WIDE), where few nodes are too coarse for the inverse logit.
NODES = {1: (61, 301), 2: (21, 81), 3: (13, 21)}
WIDE = 3.0
MIXING_NODES = 16
PRODUCT_NAMES = {
    ("capability_transfer", "goal_failure"): "capable_goal_failure",
    ("capability_transfer", "goal_failure", "harm"): "harmful_misgeneralization",
}


@dataclass(frozen=True)
class Estimate:
    """Draws of one reported quantity and the rows behind it; draws has shape (chain, draw)."""

    outcome: str
    group: str
    estimand: str
    draws: np.ndarray
    rows: np.ndarray

    @property
    def key(self) -> str:
        """`outcome/group/estimand`, unique within a model."""
        return f"{self.outcome}/{self.group}/{self.estimand}"


@dataclass(frozen=True)
class Draws:
    """Hyperparameter draws of a fit with the draws flattened, shape (D, ...).

    Attributes
    ----------
    location : (D, O) intercepts; slope : (D, P, O); tau, inner, icc : (D, O), `inner` the sd on
    the logit scale of what varies below studies, zero where the likelihood carries it; factor :
    (D, O, O) Cholesky factor of the stages' correlation; df : (D,) or None.
    """

    shape: tuple[int, int]
    location: np.ndarray
    slope: np.ndarray
    tau: np.ndarray
    inner: np.ndarray
    icc: np.ndarray | None
    factor: np.ndarray
    df: np.ndarray | None


def hyper_draws(posterior: xr.Dataset, design: Design) -> Draws:
    """Collect the draws of the parameters that populations are described by."""
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    count, stages = chains * draws, len(design.stages)

    def flat(name: str, *dims: str) -> np.ndarray:
        values = posterior[name].transpose("chain", "draw", *dims).to_numpy()
        return values.reshape(count, *values.shape[2:])

    variance = np.zeros((count, stages))
    for scale in ("omega", "kappa"):
        if scale in posterior:
            variance += flat(scale, "stage") ** 2
    has_terms = "beta" in posterior
    return Draws(
        shape=(chains, draws),
        location=flat("alpha", "stage"),
        slope=flat("beta", "term", "stage") if has_terms else np.zeros((count, 0, stages)),
        tau=flat("tau", "stage"),
        inner=np.sqrt(variance),
        icc=flat("icc", "stage") if "icc" in posterior else None,
        factor=_factor(flat("correlation", "stage_pair") if stages > 1 else None, count, stages),
        df=flat("df") if "df" in posterior else None,
    )


def _factor(pairs: np.ndarray | None, count: int, stages: int) -> np.ndarray:
    matrix = np.broadcast_to(np.eye(stages), (count, stages, stages)).copy()
    if pairs is not None:
        lower = [(j, i) for j in range(stages) for i in range(j)]
        for k, (j, i) in enumerate(lower):
            matrix[:, i, j] = matrix[:, j, i] = pairs[:, k]
    return np.linalg.cholesky(matrix)


def _mixing(df: np.ndarray | None) -> Iterator[tuple[float, np.ndarray | float]]:
    """Weights and scale factors that turn normal study effects into Student-t ones."""
    if df is None:
        yield 1.0, 1.0
        return
    for q in (np.arange(MIXING_NODES) + 0.5) / MIXING_NODES:
        yield 1 / MIXING_NODES, 1 / np.sqrt(gamma_distribution.ppf(q, df / 2, scale=2 / df))


def mean_of_product(
    location: np.ndarray,
    tau: np.ndarray,
    inner: np.ndarray,
    factor: np.ndarray,
    df: np.ndarray | None = None,
) -> np.ndarray:
    """Average over studies of the product of stage rates, one value a draw.

    Parameters
    ----------
    location, tau, inner
        Shape (D, O): logit location, between-study sd, sd below studies (independent by stage).
    factor
        Shape (D, O, O): Cholesky factor of the correlation of study effects.
    df
        Degrees of freedom of Student-t study effects, shape (D,), or None for normal ones.

    Returns
    -------
    numpy.ndarray
        Shape (D,), by tensor Gauss-Hermite quadrature.
    """
    stages = location.shape[1]
    wide = bool(np.sqrt(tau**2 + inner**2).max() > WIDE) or df is not None
    points, weights = hermegauss(NODES[stages][wide])
    weights = weights / weights.sum()
    grid = np.stack([g.ravel() for g in np.meshgrid(*[points] * stages, indexing="ij")])
    weight = np.prod([g.ravel() for g in np.meshgrid(*[weights] * stages, indexing="ij")], axis=0)
    total = np.zeros(len(location))
    for share, stretch in _mixing(df):
        scaled = tau * (stretch if np.isscalar(stretch) else np.asarray(stretch)[:, None])
        spread = scaled[:, :, None] * factor
        covariance = spread @ np.swapaxes(spread, 1, 2)
        covariance[:, range(stages), range(stages)] += inner**2 + 1e-12
        root = np.linalg.cholesky(covariance)
        step = max(1, 5_000_000 // grid.size)  # bounds the memory of one block
        for start in range(0, len(location), step):
            part = slice(start, start + step)
            logits = location[part, :, None] + root[part] @ grid
            total[part] += share * (np.prod(expit(logits), axis=1) @ weight)
    return total


def mean_rate(logit: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """E[inverse-logit(logit + sd Z)] by Gauss-Hermite quadrature; arrays that broadcast."""
    if not np.any(sd):
        return np.asarray(expit(logit))
    points, weights = hermegauss(31 if np.max(sd) <= WIDE else 301)
    weights = weights / weights.sum()
    return np.asarray(sum(w * expit(logit + sd * p) for p, w in zip(points, weights, strict=True)))


def population_estimates(
    draws: Draws, design: Design, group: Group, rng: np.random.Generator
) -> list[Estimate]:
    """Typical, mean and new-study rates of each stage and of the chain, for one population."""
    stages = design.stages
    location = draws.location + np.einsum("p,dpo->do", group.x, draws.slope)
    typical = expit(location)
    new_logit = location + _new_effects(draws, rng)
    new = mean_rate(new_logit, draws.inner)
    arm = _new_arm(draws, new_logit, rng)
    found: list[Estimate] = []

    def add(outcome: str, estimand: str, values: np.ndarray, rows: np.ndarray) -> None:
        found.append(Estimate(outcome, group.label, estimand, values.reshape(draws.shape), rows))

    members = np.flatnonzero(group.rows)
    for o, stage in enumerate(stages):
        rows = np.intersect1d(design.rows_of_stage(o), members)
        one = slice(o, o + 1)
        mean = mean_of_product(
            location[:, one], draws.tau[:, one], draws.inner[:, one],
            np.ones((len(location), 1, 1)), draws.df,
        )  # fmt: skip
        add(stage, "rate_typical", typical[:, o], rows)
        add(stage, "rate_mean", mean, rows)
        add(stage, "rate_new", new[:, o], rows)
        if arm is not None:
            icc = None if draws.icc is None else draws.icc[:, o]
            add(stage, "rate_new_arm", _vary(arm[:, o], icc, rng), rows)
    for chain, outcome in _chains(design):
        c = slice(0, len(chain))
        rows = np.intersect1d(design.rows_of_stage(len(chain) - 1), members)
        mean = mean_of_product(
            location[:, c], draws.tau[:, c], draws.inner[:, c], draws.factor[:, c, c], draws.df
        )
        add(outcome, "rate_typical", typical[:, c].prod(axis=1), rows)
        add(outcome, "rate_mean", mean, rows)
        add(outcome, "rate_new", new[:, c].prod(axis=1), rows)
        if arm is not None:
            icc = None if draws.icc is None else draws.icc[:, len(chain) - 1]
            add(outcome, "rate_new_arm", _vary(arm[:, c].prod(axis=1), icc, rng), rows)
    return found


def _new_effects(draws: Draws, rng: np.random.Generator) -> np.ndarray:
    """Study effects of one new study a draw, shape (D, O)."""
    z = rng.standard_normal(draws.tau.shape)
    effects = draws.tau * np.einsum("dij,dj->di", draws.factor, z)
    if draws.df is not None:
        effects /= np.sqrt(rng.gamma(draws.df / 2, 2 / draws.df))[:, None]
    return np.asarray(effects)


def _new_arm(draws: Draws, new_logit: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """Stage rates of a new agent set's arm in the new study, shape (D, O), before beta variation.

    None if nothing varies below studies.
    """
    if draws.icc is None and not draws.inner.any():
        return None
    return np.asarray(expit(new_logit + draws.inner * rng.standard_normal(new_logit.shape)))


def _vary(rate: np.ndarray, icc: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Rate of one arm about the mean rate of its kind: beta with intra-class correlation `icc`.

    For a product this is the likelihood of an arm that counts among all trials: its rate varies
    about the product of the stages with the last stage's correlation.
    """
    if icc is None:
        return rate
    size = (1 - icc) / icc
    # numpy refuses zero shape parameters, which a rate rounded to 0 or 1 would give.
    rate = np.clip(rate, 1e-12, 1 - 1e-12)
    return np.asarray(rng.beta(rate * size, (1 - rate) * size))


def study_estimates(posterior: xr.Dataset, draws: Draws, design: Design) -> list[Estimate]:
    """Shrunken mean rate of each study's arms, for the stages that the study observes."""
    inner = design.level("agent_set")
    level = inner or design.levels[0]
    index = design.row_unit[design.levels.index(level)]
    top = design.row_unit[0]
    name = f"{level.name}_logit"
    logit = posterior[name].transpose("chain", "draw", level.name, "stage").to_numpy()
    logit = logit.reshape(-1, *logit.shape[2:])
    kappa = np.zeros_like(draws.tau)
    if "kappa" in posterior:
        kappa = posterior["kappa"].transpose("chain", "draw", "stage").to_numpy()
        kappa = kappa.reshape(draws.tau.shape)
    found: list[Estimate] = []
    label = design.spec.top_level
    for s, study in enumerate(design.levels[0].units):
        members = np.flatnonzero(top == s)
        shift = np.einsum("rp,dpo->dro", design.x[members], draws.slope)
        rate = mean_rate(logit[:, index[members], :] + shift, kappa[:, None, :])
        for outcome, stage, values in _outcomes(design, rate):
            rows = np.intersect1d(design.rows_of_stage(stage), members)
            if rows.size:
                mean = values[:, np.isin(members, rows)].mean(axis=1).reshape(draws.shape)
                found.append(Estimate(outcome, f"{label}={study}", "study_rate", mean, rows))
    return found


def _outcomes(design: Design, rate: np.ndarray) -> Iterator[tuple[str, int, np.ndarray]]:
    """Outcome, last stage and per-row rates (D, rows) of each stage and product."""
    for o, stage in enumerate(design.stages):
        yield stage, o, rate[:, :, o]
    for chain, outcome in _chains(design):
        yield outcome, len(chain) - 1, rate[:, :, : len(chain)].prod(axis=2)


def _chains(design: Design) -> list[tuple[tuple[str, ...], str]]:
    """Chains of stages whose product the model reports.

    A composition has none: the product of shares among catalogued failures is no probability of
    anything.
    """
    if design.spec.frame != "denominator":
        return []
    return [(c, name) for c, name in PRODUCT_NAMES.items() if design.stages[: len(c)] == c]


def heterogeneity_estimates(posterior: xr.Dataset, design: Design) -> list[Estimate]:
    """Scales of variation by stage: tau, omega, kappa, icc, median odds ratio, correlations."""
    found: list[Estimate] = []

    def add(outcome: str, estimand: str, values: np.ndarray, rows: np.ndarray) -> None:
        found.append(Estimate(outcome, "all", estimand, values, rows))

    for o, stage in enumerate(design.stages):
        rows = design.rows_of_stage(o)
        for name in ("tau", "omega", "kappa", "icc"):
            if name in posterior:
                values = posterior[name].isel(stage=o).transpose("chain", "draw").to_numpy()
                add(stage, name, values, rows)
                if name == "tau":
                    add(stage, "median_odds_ratio", np.exp(MEDIAN_ODDS_FACTOR * values), rows)
    if "correlation" in posterior:
        for pair in posterior["stage_pair"].to_numpy():
            draws = posterior["correlation"].sel(stage_pair=pair).transpose("chain", "draw")
            later, earlier = (design.stages.index(s) for s in str(pair).split("~"))
            rows = np.intersect1d(design.rows_of_stage(later), design.rows_of_stage(earlier))
            add(str(pair), "stage_correlation", draws.to_numpy(), rows)
    return found


def all_estimates(posterior: xr.Dataset, design: Design, seed: int) -> list[Estimate]:
    """Every quantity that a model reports, with its draws.

    Parameters
    ----------
    posterior
        Posterior group of a fit.
    design
        Design it was fitted to.
    seed
        Seed of the predictive draws.
    """
    if design.spec.frame == "contrasts":
        from meta.intervention_effects import effect_estimates
        from meta.models.contrasts import ContrastDesign

        assert isinstance(design, ContrastDesign)
        return effect_estimates(posterior, design, seed)
    draws = hyper_draws(posterior, design)
    rng = np.random.default_rng(seed)
    found: list[Estimate] = []
    for group in design.groups:
        found += population_estimates(draws, design, group, rng)
    if design.spec.notoriety:
        from meta.notoriety import notoriety_estimates

        found += notoriety_estimates(draws, design, design.spec.notoriety, seed)
    found += heterogeneity_estimates(posterior, design)
    return found + study_estimates(posterior, draws, design)
