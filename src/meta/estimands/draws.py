"""Draws that estimands are made of, and what one estimate is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from meta.models.design import Design

PRODUCT_NAMES = {
    ("capability_transfer", "goal_failure"): "capable_goal_failure",
    ("capability_transfer", "goal_failure", "harm"): "harmful_misgeneralization",
}


@dataclass(frozen=True)
class LogOddsRatio:
    """What two settings differ by in each stage on the log odds, apart from the level of both.

    Attributes
    ----------
    draws
        Shape (chain, draw, S), of the stages that are multiplied.
    weight
        Shape (S,): how much each counts in their product (`meta.estimands.risk_ratio`).
    """

    draws: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """Draws of one reported quantity and the rows behind it.

    Attributes
    ----------
    outcome, group, estimand
        Its name.
    draws
        Shape (chain, draw).
    rows
        Rows behind it.
    log_odds
        Of a comparison that depends on the level too, the part that does not.
    """

    outcome: str
    group: str
    estimand: str
    draws: np.ndarray
    rows: np.ndarray
    log_odds: LogOddsRatio | None = None

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
    the logit scale of what varies below studies, zero where the likelihood carries it; arm :
    (D, O), the part of it that is of arms, or None where they have no effects of their own;
    factor : (D, O, O) Cholesky factor of the stages' correlation; df : (D,) or None; upper_share,
    split : (D,) or None, of two populations of studies (see `meta.models.hierarchy`).
    """

    shape: tuple[int, int]
    location: np.ndarray
    slope: np.ndarray
    tau: np.ndarray
    inner: np.ndarray
    icc: np.ndarray | None
    factor: np.ndarray
    df: np.ndarray | None
    upper_share: np.ndarray | None = None
    split: np.ndarray | None = None
    arm: np.ndarray | None = None

    def populations(self) -> list[tuple[np.ndarray | float, Draws]]:
        """Populations of studies, each normal or Student-t: share (D,) and draws."""
        if self.upper_share is None or self.split is None:
            return [(1.0, self)]
        upper, lower = self.upper_share, 1 - self.upper_share
        own = self.tau[:, -1] * self.factor[:, -1, -1]
        gap = own * np.sqrt(self.split / (upper * lower))
        line = self.factor[:, -1].copy()
        line[:, -1] *= np.sqrt(1 - self.split)
        # Within a population the last stage varies less, and follows the others more closely.
        length = np.linalg.norm(line, axis=1)
        tau, factor = self.tau.copy(), self.factor.copy()
        tau[:, -1] *= length
        factor[:, -1] = line / length[:, None]
        found: list[tuple[np.ndarray | float, Draws]] = []
        for share, shift in ((lower, -upper * gap), (upper, lower * gap)):
            location = self.location.copy()
            location[:, -1] += shift
            one = replace(
                self, location=location, tau=tau, factor=factor, upper_share=None, split=None
            )
            found.append((share, one))
        return found


def flat_draws(posterior: xr.Dataset, name: str, *dims: str) -> np.ndarray:
    """Draws of one variable with chains and draws in one first axis, other axes as `dims`."""
    values = posterior[name].transpose("chain", "draw", *dims).to_numpy()
    return np.asarray(values.reshape(-1, *values.shape[2:]))


def hyper_draws(posterior: xr.Dataset, design: Design) -> Draws:
    """Collect the draws of the parameters that populations are described by."""
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    count, stages = chains * draws, len(design.stages)

    def flat(name: str, *dims: str) -> np.ndarray:
        return flat_draws(posterior, name, *dims)

    variance = np.zeros((count, stages))
    for scale in ("omega", "kappa", "phi"):
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
        upper_share=flat("upper_share") if "upper_share" in posterior else None,
        split=flat("split") if "split" in posterior else None,
        arm=flat("kappa", "stage") if "kappa" in posterior else None,
    )


def _factor(pairs: np.ndarray | None, count: int, stages: int) -> np.ndarray:
    matrix = np.broadcast_to(np.eye(stages), (count, stages, stages)).copy()
    if pairs is not None:
        lower = [(j, i) for j in range(stages) for i in range(j)]
        for k, (j, i) in enumerate(lower):
            matrix[:, i, j] = matrix[:, j, i] = pairs[:, k]
    return np.linalg.cholesky(matrix)


def chains(design: Design) -> list[tuple[tuple[str, ...], str]]:
    """Chains of stages whose product the model reports.

    A composition has none: the product of shares among catalogued failures is no probability of
    anything. Nor has a model that takes every trial as capable: its goal failures are counted among
    all trials already, so that a product would count capability twice.
    """
    if design.spec.frame != "denominator" or design.spec.assumed_capable:
        return []
    return [(c, name) for c, name in PRODUCT_NAMES.items() if design.stages[: len(c)] == c]


def outcomes(design: Design) -> list[tuple[str, slice]]:
    """Stages and products that the model reports, each with the stages that it multiplies."""
    found = [(stage, slice(o, o + 1)) for o, stage in enumerate(design.stages)]
    return found + [(name, slice(0, len(chain))) for chain, name in chains(design)]
