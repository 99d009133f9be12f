"""The likelihood of a contrast model as lme4 takes it: its effects integrated by Laplace's method.

Only the model's own log density is used, so that what is compared is what is sampled.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pymc as pm
from numpy.polynomial.hermite_e import hermegauss

PARAMETERS = ("alpha", "tau", "delta_warning", "delta_pressure", "tau_delta", "kappa")
#: Newton steps to the mode of the effects, and the slope that ends them.
STEPS, CLOSE = 50, 1e-8
#: Step of differences of the slope.
DIFFERENCE = 1e-4
#: Nodes of the integral over each effect and each spread.
NODES = (3, 3, 5, 5)


class LaplaceLikelihood:
    """Log likelihood of `PARAMETERS`, up to a constant.

    Parameters
    ----------
    model
        Of `meta.models.contrasts`, with priors of the effects and the spreads that are flat.
    """

    def __init__(self, model: pm.Model) -> None:
        self.model = model
        self.start = model.initial_point()
        self.names = ["baseline_logit", "effect_raw", "arm_goal_failure_raw"]
        effects = [model[name] for name in self.names]
        with model:
            self.log_density = model.compile_logp(jacobian=False)
            self.slope = model.compile_dlogp(vars=effects, jacobian=False)
        self.mode = np.concatenate([self.start[name].ravel() for name in self.names])
        labels = [model.coords[dim] for dim in ("baseline", "effect_of", "arm")]
        each = [label.split("|")[-1].split(":")[0] for dim in labels for label in dim]
        study = np.unique(each, return_inverse=True)[1]
        #: Where each effect stands: its study, and its number among the effects of that.
        self.place = study, np.array([np.sum(study[:i] == s) for i, s in enumerate(study)])

    def __call__(self, parameters: np.ndarray) -> float:
        at = dict(zip(PARAMETERS, parameters, strict=True))
        self.model.set_data("prior_baseline", np.array([at["alpha"], at["tau"]]))
        order = {"warning_or_prohibition": "warning", "pressure_or_incentive": "pressure"}
        kinds = self.model.coords["intervention"]
        fixed = {
            "delta": np.array([at[f"delta_{order[kind]}"] for kind in kinds]),
            "tau_delta_log__": np.log(at["tau_delta"]),
            "kappa_log__": np.full(self.start["kappa_log__"].shape, np.log(at["kappa"])),
        }

        def point(effects: np.ndarray) -> dict[str, np.ndarray]:
            ends = np.cumsum([self.start[name].size for name in self.names])[:-1]
            parts = np.split(effects, ends)
            return {**self.start, **fixed, **dict(zip(self.names, parts, strict=True))}

        def slope(effects: np.ndarray) -> np.ndarray:
            return np.asarray(self.slope(point(effects)))

        half = np.linalg.slogdet(-self._to_the_mode(slope))[1].sum() / 2
        return float(self.log_density(point(self.mode)) - half)

    def _to_the_mode(self, slope: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Move to the mode of the effects by Newton's method; the curvature there."""
        for _ in range(STEPS):
            rise, curvature = slope(self.mode), self._curvature(slope)
            if np.abs(rise).max() < CLOSE:
                return curvature
            blocks = np.zeros(curvature.shape[:2])
            blocks[self.place] = rise
            self.mode = (
                self.mode - np.linalg.solve(curvature, blocks[..., None])[..., 0][self.place]
            )
        raise ArithmeticError("the mode of the effects was not found")

    def _curvature(self, slope: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Second derivatives at the mode, a matrix a study, by central differences of the first.

        Effects of different studies do not bear on each other: one of each is moved at a time. A
        study with fewer effects than others is filled up with effects that nothing depends on.
        """
        study, turn = self.place
        found = np.zeros((study.max() + 1, turn.max() + 1, turn.max() + 1))
        for t in range(turn.max() + 1):
            moved = turn == t
            step = DIFFERENCE * moved
            change = (slope(self.mode + step) - slope(self.mode - step)) / (2 * DIFFERENCE)
            found[study, turn, t] = change
            missing = np.setdiff1d(study, study[moved])
            found[missing, t, t] = -1
        return (found + np.swapaxes(found, 1, 2)) / 2


def quadratic(
    function: Callable[[np.ndarray], float], at: np.ndarray, steps: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and matrix of second derivatives in units of `steps`, by central differences."""
    size = at.size
    unit = np.eye(size)
    middle = function(at)
    up = np.array([function(at + steps * e) for e in unit])
    down = np.array([function(at - steps * e) for e in unit])
    second = np.diag(up + down - 2 * middle)
    for i in range(size):
        for j in range(i):
            both = function(at + steps * (unit[i] + unit[j]))
            neither = function(at - steps * (unit[i] + unit[j]))
            pairs = up[i] + up[j] + down[i] + down[j]
            second[i, j] = second[j, i] = (both + neither - pairs + 2 * middle) / 2
    return (up - down) / 2, second


def posterior_moments(
    log_likelihood: Callable[[np.ndarray], float], at: np.ndarray, se: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd of effects and spreads under flat priors, alpha and tau known.

    By Gauss-Hermite quadrature about the maximum `at` (Naylor & Smith 1982, doi:10.2307/2347995),
    of the spreads in their logarithm, whose density is less skewed.
    """
    nodes = [hermegauss(count) for count in NODES]
    width = np.concatenate([se[2:4], se[4:] / at[4:]])
    # A flat prior of a spread rises with its logarithm, and moves the mode by its variance.
    centre = np.concatenate([at[2:4], np.log(at[4:]) + width[2:] ** 2])
    values, logs = [], []
    for where in np.ndindex(*NODES):
        z = np.array([nodes[k][0][i] for k, i in enumerate(where)])
        weight = np.prod([nodes[k][1][i] for k, i in enumerate(where)])
        x = centre + width * z
        effects, spreads = x[:2], np.exp(x[2:])
        known = np.concatenate([at[:2], effects, spreads])
        values.append(known[2:])
        logs.append(log_likelihood(known) + x[2:].sum() + (z**2).sum() / 2 + np.log(weight))
    weights = np.exp(np.array(logs) - max(logs))
    weights /= weights.sum()
    mean = weights @ np.array(values)
    return mean, np.sqrt(weights @ (np.array(values) - mean) ** 2)
