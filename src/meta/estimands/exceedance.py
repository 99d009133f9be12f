r"""Exceedance: the share of new studies whose mean rate is above a given one, draw by draw.

A study's mean rate over its agent sets and arms rises with its logit, so the share is the tail of
the study effects beyond the logit at which the mean rate is x. For a product of stages, the later
stage must make up what the earlier ones leave: the tail is averaged over the earlier stages by
Gauss-Legendre nodes in their own probability, above the point where they alone fall short of x.
Student-t effects are handled exactly, by the conditional distributions of a multivariate t (Ding
2016, doi:10.1080/00031305.2016.1164756).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import RectBivariateSpline
from scipy.optimize import elementwise
from scipy.special import logit, ndtr, ndtri, stdtr, stdtrit

from meta.estimands.averages import WIDE, mean_rate
from meta.estimands.draws import Draws, Estimate, outcomes
from meta.models.design import Design
from meta.models.moderators import Group
from meta.models.quadrature import legendre

#: Gauss-Legendre nodes of each stage before the last.
NODES = 32
#: Elements of one block of draws and nodes, which bounds the memory.
BLOCK = 1_000_000
#: Range of the table of logits: sd below studies, and logit of the mean rate.
WIDEST = 12.0
FARTHEST = 30.0


class StudyLogit:
    """Logit at which a study's mean rate over normal agent sets and arms is a given one.

    The inverse of `meta.estimands.averages.mean_rate`, from a table of roots with cubic splines
    between them.

    Parameters
    ----------
    spread
        Sds that will be asked for; where all are zero there is nothing to invert.
    """

    def __init__(self, spread: np.ndarray) -> None:
        self.table: RectBivariateSpline | None = None
        widest = min(float(np.max(spread)), WIDEST)
        if widest <= 0:
            return
        sd = np.linspace(0, widest, 60)
        mean = np.linspace(-FARTHEST, 0, 121)
        # Mean rates of little spread need fewer nodes, hence two parts.
        parts = [sd[sd <= WIDE], sd[sd > WIDE]]
        roots = [_roots(*np.meshgrid(part, mean, indexing="ij")) for part in parts if part.size]
        self.table = RectBivariateSpline(sd, mean, np.concatenate(roots))

    def __call__(self, rate: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """Logit of the study; arrays that broadcast, rates in (0, 1]."""
        target = logit(np.minimum(rate, 1 - 1e-13))
        if self.table is None:
            return np.asarray(target)
        far = np.maximum(sd / WIDEST, 1.0)
        # Symmetric about one half; the rate of very spread out arms is that of a sign, which
        # scales with their sd.
        near, below = np.broadcast_arrays(sd / far, -np.minimum(np.abs(target), FARTHEST))
        found = self.table.ev(near.ravel(), below.ravel()).reshape(near.shape)
        return np.asarray(-np.sign(target) * found * far)


def _roots(sd: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Logits at which the mean rate has the logit `mean` <= 0."""

    def excess(eta: np.ndarray, sd: np.ndarray, mean: np.ndarray) -> np.ndarray:
        rate = mean_rate(eta, sd)
        return np.asarray(np.log(rate) - np.log1p(-rate) - mean)

    # The mean rate lies above the inverse logit of eta < 0 and below exp(eta + sd^2 / 2).
    found = elementwise.find_root(
        excess, (mean - sd**2 / 2 - 1, mean + 0.5), args=(sd, mean), tolerances={"xatol": 1e-8}
    )
    if not np.all(found.success):
        raise ArithmeticError("no logit has the mean rate asked for")
    return np.asarray(found.x)


class Exceedance:
    """Shares of new studies above given rates.

    Parameters
    ----------
    draws
        Draws of a fit.
    rates
        The rates x.
    """

    def __init__(self, draws: Draws, rates: Sequence[float]) -> None:
        self.draws = draws
        self.rates = tuple(rates)
        self.logits = [StudyLogit(sd) for sd in draws.inner.T] if self.rates else []

    def estimates(self, design: Design, group: Group) -> list[Estimate]:
        """Estimate the share above each rate, of each stage and product, for one population."""
        location = self.draws.location + np.einsum("p,dpo->do", group.x, self.draws.slope)
        members = np.flatnonzero(group.rows)
        found = []
        for outcome, stages in outcomes(design):
            rows = np.intersect1d(design.rows_of_stage(stages.stop - 1), members)
            for x in self.rates:
                share = self.share(x, location, stages).reshape(self.draws.shape)
                found.append(Estimate(outcome, group.label, f"share_above_{x:g}", share, rows))
        return found

    def share(self, x: float, location: np.ndarray, stages: slice) -> np.ndarray:
        """Share of studies in which the product of some stages' mean rates exceeds `x`.

        Parameters
        ----------
        x
            Rate in (0, 1).
        location
            Logit location of every stage, shape (D, O).
        stages
            Consecutive stages; of several, from the first one.

        Returns
        -------
        numpy.ndarray
            Shape (D,).
        """
        step = max(1, BLOCK // NODES ** (stages.stop - stages.start - 1))
        parts = [slice(i, i + step) for i in range(0, len(location), step)]
        total = np.zeros(len(location))
        for weight, draws in self.draws.populations():
            shifted = location + draws.location - self.draws.location
            blocks = [_Block(draws, self.logits, shifted, stages, p).share(x) for p in parts]
            total += weight * np.concatenate(blocks)
        return total


class _Block:
    """Some draws: axis 0 are draws, each stage before the last adds an axis of nodes."""

    def __init__(
        self,
        draws: Draws,
        logits: list[StudyLogit],
        location: np.ndarray,
        stages: slice,
        part: slice,
    ) -> None:
        self.location, self.inner = location[part, stages], draws.inner[part, stages]
        self.logits = logits[stages]
        count = stages.stop - stages.start
        # One stage alone has its own sd, whatever it goes with.
        factor = draws.factor[part, stages, stages] if count > 1 else np.ones((1, 1, 1))
        self.factor = np.maximum(draws.tau[part, stages], 1e-12)[:, :, None] * factor
        self.df = None if draws.df is None else draws.df[part]
        self.points, logs = legendre(NODES)
        self.weights = np.exp(logs)

    def share(self, x: float) -> np.ndarray:
        return self._share(np.full(len(self.location), x), [])

    def _share(self, left: np.ndarray, earlier: list[np.ndarray]) -> np.ndarray:
        """Share of studies that exceed what is `left` of x, given standardised earlier effects."""
        o = len(earlier)
        last = o == self.location.shape[1] - 1

        def wide(values: np.ndarray) -> np.ndarray:
            return values.reshape(-1, *(1,) * o)

        centre = wide(self.location[:, o])
        for j, z in enumerate(earlier):
            centre = centre + wide(self.factor[:, o, j]) * z
        inner, own = wide(self.inner[:, o]), wide(self.factor[:, o, o])
        short = left >= 1
        cut = (self.logits[o](np.where(short, 0.5, left), inner) - centre) / own
        tail = np.where(short, 0.0, self._tail(cut, earlier))
        if last:
            return np.asarray(tail)
        z = self._quantile(tail[..., None] * self.points, [e[..., None] for e in earlier])
        rate = mean_rate(centre[..., None] + own[..., None] * z, inner[..., None])
        rest = self._share(left[..., None] / rate, [*(e[..., None] for e in earlier), z])
        return np.asarray(tail * (rest @ self.weights))

    def _scale(self, earlier: list[np.ndarray], dimensions: int) -> tuple[np.ndarray, np.ndarray]:
        """Degrees of freedom and scale of the next standardised t effect given earlier ones."""
        assert self.df is not None
        df = self.df.reshape(-1, *(1,) * (dimensions - 1))
        count = len(earlier)
        return df + count, np.sqrt((df + sum(z**2 for z in earlier)) / (df + count))

    def _tail(self, cut: np.ndarray, earlier: list[np.ndarray]) -> np.ndarray:
        """Share of the next standardised effect beyond `cut`."""
        if self.df is None:
            return np.asarray(ndtr(-cut))
        df, scale = self._scale(earlier, cut.ndim)
        return np.asarray(stdtr(df, -cut / scale))

    def _quantile(self, tail: np.ndarray, earlier: list[np.ndarray]) -> np.ndarray:
        """Standardised effect beyond which `tail` of the effects lie."""
        tail = np.maximum(tail, 1e-300)
        if self.df is None:
            return np.asarray(-ndtri(tail))
        df, scale = self._scale(earlier, tail.ndim)
        return np.asarray(-stdtrit(df, tail) * scale)
