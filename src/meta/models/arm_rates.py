r"""Logit of the middle arm among those that count goal failures among all trials.

Where arms vary by a normal effect on the logit, with sd kappa of a stage, their mean rate is not
that of the middle arm, but about (Zeger, Liang & Albert 1988, doi:10.2307/2531734)

.. math::
    \mathrm{E}\, \mathrm{logit}^{-1}(m + \kappa e) \approx \mathrm{logit}^{-1}(m / a(\kappa)),
    \qquad a(\kappa) = \sqrt{1 + c^2 \kappa^2}, \quad c = 16 \sqrt 3 / (15 \pi)

Arms that count among all trials vary on the logit of what they count, about the middle at which
their mean rate is the product of the stages' mean rates, as in the beta-binomial: an arm fails as
often on average however it is counted. The approximation is off by .017 at most for sds up to 3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

#: Square of the constant that makes a normal distribution function of a logistic one.
CONSTANT = (16 * np.sqrt(3) / (15 * np.pi)) ** 2


def attenuation(kappa: Any) -> Any:
    """By how much the spread of arms draws the logit of their mean rate to 0; at least 1."""
    return (1 + CONSTANT * kappa**2) ** 0.5


def product_logit(
    capable: Any,
    goal: Any,
    kappa_capable: Any,
    kappa_goal: Any,
    logaddexp: Callable[[Any, Any], Any] = np.logaddexp,
) -> Any:
    """Logit of the middle arm that counts goal failures among all trials.

    Parameters
    ----------
    capable, goal
        Logits of the middle arm of each stage; arrays that broadcast, as all of these.
    kappa_capable, kappa_goal
        Sd of the arms of each stage on the logit.
    logaddexp
        Logarithm of the sum of two exponentials, of the library that the arrays are of.
    """
    wide = attenuation(kappa_goal)
    a, b = capable / attenuation(kappa_capable), goal / wide
    # 1 / odds of the product is (1 + 1 / odds) (1 + 1 / odds) - 1 of the two.
    return -wide * logaddexp(-a, logaddexp(-b, -a - b))
