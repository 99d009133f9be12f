"""Settings of the sensitivity analyses and of the multiverse."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from meta.priors import Strict

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(gt=0, le=1)]

#: R-hat below which chains that are short by design are relied on: those of one imputed code set,
#: of a fit without one study, of a cell of the multiverse.
SHORT_R_HAT = 1.05
#: Studies below which the prior of tau is a large part of a result.
FEW_STUDIES = 10


class Conclusion(Strict):
    """A statement about one pooled number that publication of zero-event studies may overturn.

    It holds while `statistic` stays above `value`, which is declared and never derived from the
    result: a threshold that follows the result is one that the result can hardly fall below.
    """

    outcome: str
    estimand: str
    statistic: Literal["mean", "median", "ci_low", "ci_high"]
    value: float

    @model_validator(mode="after")
    def _attainable(self) -> Conclusion:
        if self.estimand.startswith("rate_") and not 0 < self.value < 1:
            raise ValueError(f"a rate lies between 0 and 1: value {self.value:g} decides nothing")
        return self


class Refits(Strict):
    """Length of the chains of a refit, and what its own diagnostics must meet."""

    chains: int = Field(4, ge=2, le=64)
    draws: int = Field(1500, ge=10)
    tune: int = Field(800, ge=10)
    r_hat: float = Field(1.02, gt=1)
    ess: float = Field(200, ge=0)


class ShortRefits(Refits):
    """As `Refits`, shorter: there are many of them, and the curve is what is read."""

    draws: int = Field(500, ge=10)
    tune: int = Field(500, ge=10)
    r_hat: float = Field(SHORT_R_HAT, gt=1)
    ess: float = Field(100, ge=0)


class Sensitivity(Strict):
    """Sensitivity analyses of the models named (of the primary where none is)."""

    models: tuple[str, ...] = ()
    refits: Refits = Refits()
    power: tuple[Weight, Annotated[float, Field(gt=1)]] = (0.99, 1.01)
    power_threshold: float = Field(0.05, gt=0)
    priors: tuple[str, ...] = ()
    few_studies: int = Field(FEW_STUDIES, ge=1)
    iccs: tuple[Share, ...] = Field((0.0, 0.05, 0.2, 1.0), min_length=1)
    correlations: tuple[Annotated[float, Field(gt=-1, lt=1)] | Literal["lkj"], ...] = Field(
        (-0.5, 0.0, 0.5, "lkj"), min_length=1
    )
    weights: tuple[Weight, ...] = Field((1.0, 0.5, 0.2, 0.1), min_length=1)
    smallest_weight: Weight = 0.01
    weight_draws: int = Field(1000, ge=100)
    conclusions: tuple[Conclusion, ...] = ()


class Multiverse(Strict):
    """Axes of the multiverse around the primary model; its own values always belong to them."""

    grade: tuple[tuple[str, ...], ...] = ()
    role: tuple[tuple[str, ...], ...] = ()
    failure_type: tuple[tuple[str, ...], ...] = ()
    counted: tuple[Literal["all", "given_capability"], ...] = ("all",)
    assumed_capable: tuple[bool, ...] = ()
    unclear: tuple[tuple[str, ...], ...] = ((),)
    priors: tuple[str, ...] = ()
    likelihood: tuple[Literal["beta_binomial", "binomial"], ...] = ()
    random_effects: tuple[Literal["normal", "student_t", "two_population"], ...] = ()
    correlation: tuple[
        Literal["lkj", "independent"] | Annotated[float, Field(gt=-1, lt=1)], ...
    ] = ()
    most: int = Field(160, ge=1)
    refits: ShortRefits = ShortRefits()
