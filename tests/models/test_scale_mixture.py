"""The scale mixture of normal effects against the Student-t density."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm
from scipy.stats import t as student

from meta.models.scale_mixture import AVERAGE_TAILS, LIKELIHOOD_TAILS, mixing


@pytest.mark.parametrize("df", [0.5, 1, 2, 5, 30])
def test_the_mixture_is_student_t_far_out_too(df: float) -> None:
    for distance in (0, 1, 3, 6, 8):
        terms = [
            log_weight + norm.logpdf(distance, 0, stretch[:, 0])
            for log_weight, stretch in mixing(np.array([df]))
        ]
        assert logsumexp(terms) == pytest.approx(student.logpdf(distance, df), abs=0.01)


@pytest.mark.parametrize("tails", [LIKELIHOOD_TAILS, AVERAGE_TAILS])
def test_each_draw_has_its_own_scales_whose_weights_are_a_distribution(
    tails: tuple[float, float],
) -> None:
    df = np.array([2.05, 4.0, 300.0])
    together = mixing(df, tails)
    np.testing.assert_allclose(sum(np.exp(w) for w, _ in together), 1)
    for d in range(3):
        for (weight, stretch), (one, alone) in zip(together, mixing(df[[d]], tails), strict=True):
            assert weight[d] == pytest.approx(one[0])
            assert stretch[d] == pytest.approx(alone[0])


def test_normal_effects_have_one_scale() -> None:
    assert mixing(None, AVERAGE_TAILS) == [(0.0, 1.0)]
