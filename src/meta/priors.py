"""Prior distributions and named sets of them, as the settings state them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """Part of the settings: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Normal(Strict):
    """Normal prior."""

    distribution: Literal["normal"] = "normal"
    mu: float = 0.0
    sigma: float = Field(gt=0)


class HalfNormal(Strict):
    """Half-normal prior."""

    distribution: Literal["half_normal"] = "half_normal"
    sigma: float = Field(gt=0)


class HalfCauchy(Strict):
    """Half-Cauchy prior."""

    distribution: Literal["half_cauchy"] = "half_cauchy"
    beta: float = Field(gt=0)


class Beta(Strict):
    """Beta prior."""

    distribution: Literal["beta"] = "beta"
    alpha: float = Field(gt=0)
    beta: float = Field(gt=0)


class Lkj(Strict):
    """Prior of Lewandowski, Kurowicka and Joe on a correlation matrix."""

    distribution: Literal["lkj"] = "lkj"
    eta: float = Field(gt=0)


class Gamma(Strict):
    """Gamma prior with shape alpha and rate beta, of what lies above `above`."""

    distribution: Literal["gamma"] = "gamma"
    alpha: float = Field(gt=0)
    beta: float = Field(gt=0)
    above: float = Field(0, ge=0)


class Dirichlet(Strict):
    """Symmetric Dirichlet prior: every part has the same concentration."""

    distribution: Literal["dirichlet"] = "dirichlet"
    concentration: float = Field(gt=0)


Scale = Annotated[HalfNormal | HalfCauchy, Field(discriminator="distribution")]


class PriorSet(Strict):
    """One named set of priors; what it leaves out takes the default of DESIGN section 4.

    `delta` puts 95% of odds ratios within 1/250 and 250 (Guenhan, Roever & Friede 2020,
    doi:10.1002/jrsm.1370). `df` is above 2: below, the variance between studies is infinite, and
    no step size of the sampler is small enough.
    """

    alpha: Normal = Normal(sigma=1.5)
    tau: Scale = HalfNormal(sigma=1)
    omega: Scale = HalfNormal(sigma=1)
    kappa: Scale = HalfNormal(sigma=1)
    beta: Normal = Normal(sigma=0.75)
    monotonic: Normal = Normal(sigma=1.5)
    simplex: Dirichlet = Dirichlet(concentration=2)
    icc: Beta = Beta(alpha=1, beta=3)
    correlation: Lkj = Lkj(eta=2)
    df: Gamma = Gamma(alpha=2, beta=0.1, above=2)
    baseline: Normal = Normal(sigma=5)
    delta: Normal = Normal(sigma=2.82)
    tau_delta: Scale = HalfNormal(sigma=1)
    phi: Scale = HalfNormal(sigma=1)
    upper_share: Beta = Beta(alpha=2, beta=2)
    split: Beta = Beta(alpha=2, beta=2)

    def numbers(self, parameter: str) -> np.ndarray:
        """Numbers of one parameter's prior, in the order of its fields."""
        prior: Strict = getattr(self, parameter)
        return np.array([float(v) for key, v in prior if key != "distribution"])

    def families(self) -> dict[str, str]:
        """Name of each parameter's distribution: what a compiled model cannot change."""
        return {name: prior.distribution for name, prior in self}


def parameters_with_priors(
    options: Mapping[str, Any], effects: Mapping[str, str | None], numeric: Collection[str]
) -> tuple[str, ...]:
    """Parameters of a prior set that a model has, in the order of its equations.

    Parameters
    ----------
    options
        Specification: `frame`, `stages`, `likelihood`, `random_effects`, `correlation`, `levels`.
    effects
        Shape of each moderator's effect; None where only the rows tell whether it is a number or
        categories, whose coefficients have the same prior.
    numeric
        Moderators whose values are numbers, as far as that is known.
    """
    levels, binomial = options["levels"], options["likelihood"] == "binomial"
    if options["frame"] == "contrasts":
        below = {"kappa": "arm" in levels, "icc": not binomial}
        return ("baseline", "delta", "tau_delta", *(name for name, has in below.items() if has))
    # An ordinal moderator has a total effect; every other coefficient is a contrast or a slope.
    ordinal = {n for n, e in effects.items() if e in ("monotonic", "linear") and n not in numeric}
    two_populations = options["random_effects"] == "two_population"
    present = {
        "alpha": True,
        "beta": bool(set(effects) - ordinal),
        "monotonic": bool(ordinal),
        "simplex": "monotonic" in effects.values(),
        "tau": True,
        "correlation": len(options["stages"]) > 1 and options["correlation"] == "lkj",
        "df": options["random_effects"] == "student_t",
        "upper_share": two_populations,
        "split": two_populations,
        "omega": "agent_set" in levels,
        "kappa": "arm" in levels,
        "phi": "agent_family" in levels,
        "icc": not binomial,
    }
    return tuple(name for name, has in present.items() if has)


class Notoriety(Normal):
    """Prior of the log odds ratio by which harmful failures are likelier to be written up.

    A judgement: nothing in the evidence informs it. `offsets` are fixed values of it that the
    sensitivity curve shows.
    """

    offsets: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
