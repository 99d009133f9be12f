"""What a preview finds: rows, models and pooled numbers before and after."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, cast

SUMMARIES = ("mean", "median", "ci_low", "ci_high")


@dataclass(frozen=True)
class Moved:
    """One pooled number before and after; `mcse` is that of the difference of the means."""

    outcome: str
    group: str
    estimand: str
    before: dict[str, float]
    after: dict[str, float]
    difference: float
    in_sd: float
    mcse: float

    @property
    def beyond_error(self) -> bool:
        """Whether the mean moves by more than twice its Monte Carlo error."""
        return abs(self.difference) > 2 * self.mcse


@dataclass(frozen=True)
class ModelPreview:
    """What the rows would do to one model.

    Attributes
    ----------
    model, primary
        Which model.
    method
        `none` (no row of it changes), `reweighted`, `refitted` or `needs a refit`.
    reason
        Why that method.
    pareto_k, ess
        Of the weights, where there are any.
    draws
        Draws behind the estimates.
    rows
        Rows that are added, removed and changed in its analysis set.
    warnings
        Checks that failed, of the stored fit and of the refit.
    estimates
        The pooled numbers.
    """

    model: str
    primary: bool
    method: str
    reason: str
    pareto_k: float | None = None
    ess: float | None = None
    draws: int | None = None
    rows: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    estimates: list[Moved] = field(default_factory=list)


@dataclass(frozen=True)
class Preview:
    """A whole preview: the proposed rows, which of them are pooled, and each model.

    `remarks` are the warnings and notes that the check makes of the proposed rows, and how many
    of these are as the base has them, so that they are not listed.
    """

    rows: list[dict[str, str]]
    models: list[ModelPreview]
    remarks: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return a document for programs; what JSON cannot hold is null."""
        return cast("dict[str, Any]", _finite(asdict(self)))


def _finite(value: Any) -> Any:
    """Replace numbers that are not finite by None."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
