"""Pooled numbers of a model under weighted stored draws, without a refit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from meta.checks.conditioned_draws import conditioned_draws
from meta.checks.importance import Shift, Weights, shift, smoothed_weights
from meta.preview.results import SUMMARIES, Moved

if TYPE_CHECKING:
    from meta.checks.reweighting import Change
    from meta.stored import StoredModel


def reweight(
    stored: StoredModel, change: Change, ci_prob: float
) -> tuple[Weights, Callable[[], list[Moved]]]:
    """Weigh stored draws towards other rows.

    Parameters
    ----------
    stored
        Model of the last run.
    change
        What differs between its rows and the others.
    ci_prob
        Mass of the intervals.

    Returns
    -------
    tuple
        The weights, and a function that gives every population quantity before and after.

    Raises
    ------
    NotReweightableError
        If the integrals would cost more than a refit.
    """
    draws = conditioned_draws(stored.posterior, stored.design, change)
    weights = smoothed_weights(change.log_ratio(draws.parameters).reshape(draws.shape))

    def moved() -> list[Moved]:
        values = stored.population_draws(draws.step)
        return [
            _shifted(key, stored.numbers[key], shift(each, weights, ci_prob))
            for key, each in values.items()
        ]

    return weights, moved


def _shifted(key: tuple[str, str, str], row: dict[str, float], change: Shift) -> Moved:
    before = {name: row[name] for name in SUMMARIES}
    moves = (change.mean, change.median, change.low, change.high)
    after = {n: before[n] + m for n, m in zip(SUMMARIES, moves, strict=True)}
    if key[2].startswith(("rate_", "share_above_")):
        after = {name: min(max(value, 0.0), 1.0) for name, value in after.items()}
    sd = row["sd"]
    return Moved(*key, before, after, change.mean, change.mean / sd if sd else 0.0, change.mcse)
