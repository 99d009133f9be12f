"""Median odds ratio against simulated pairs of studies and known distributions."""

import numpy as np
import pytest
from scipy.stats import cauchy, norm

from meta.estimands import MEDIAN_ODDS_FACTOR, Draws, median_odds_ratio
from meta.estimands.heterogeneity import student_distance
from meta.estimands.population import new_effects

PAIRS = 200_000
TAU = np.array([0.7, 1.6])


def repeated(**other: float) -> Draws:
    """Draws of two correlated stages, all the same."""

    def filled(value: object) -> np.ndarray:
        return np.broadcast_to(value, (2 * PAIRS, *np.shape(value))).copy()

    return Draws(
        shape=(1, 2 * PAIRS),
        location=filled([0.3, -1.0]),
        slope=np.zeros((2 * PAIRS, 0, 2)),
        tau=filled(TAU),
        inner=filled([0.0, 0.0]),
        icc=None,
        factor=filled(np.linalg.cholesky([[1, 0.6], [0.6, 1]])),
        df=filled(other["df"]) if "df" in other else None,
        upper_share=filled(other["upper_share"]) if "upper_share" in other else None,
        split=filled(other["split"]) if "split" in other else None,
    )


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"df": 1.3},
        {"df": 5.0},
        {"upper_share": 0.5, "split": 0.95},
        {"upper_share": 0.1, "split": 0.9},
    ],
)
@pytest.mark.parametrize("stage", [0, 1])
def test_half_of_the_pairs_of_studies_differ_by_more(other, stage) -> None:
    draws = repeated(**other)
    effects = new_effects(draws, np.random.default_rng(3))[:, stage]
    distance = np.abs(effects[:PAIRS] - effects[PAIRS:])
    limit = np.log(median_odds_ratio(draws, stage)[0])
    assert np.mean(distance < limit) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(PAIRS))


def test_two_cauchy_values_are_two_apart_and_many_degrees_of_freedom_are_normal() -> None:
    # The difference of two standard Cauchy values is Cauchy with scale 2.
    assert student_distance(np.array([1.0])) == pytest.approx(2 * cauchy.ppf(0.75), rel=1e-4)
    normal = np.sqrt(2) * norm.ppf(0.75)
    assert pytest.approx(normal) == MEDIAN_ODDS_FACTOR
    assert student_distance(np.array([1e3, 1e9])) == pytest.approx(normal, rel=2e-3)


def test_hardly_any_degrees_of_freedom_leave_a_finite_ratio() -> None:
    assert np.isfinite(median_odds_ratio(repeated(df=0.01), 1)).all()
