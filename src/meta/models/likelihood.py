r"""Log likelihood of arms under posterior draws, in NumPy: no model is built or compiled.

The likelihood is that of `meta.models.chain`. A row's counts are conditional on the effects of its
study and agent set where these are known, that is, have draws; effects of units that have none are
integrated out. The rows of a new study share its effects and are integrated jointly:

.. math::
    \log p(y_s \mid \theta) = \log \int \prod_a \int \prod_{i \in a} p(y_i \mid w_a)
    \, dN(w_a; u_s, \omega^2) \, dN(u_s; \alpha, \Sigma)

Effects of arms (binomial models) are always integrated out, within p. With all effects of a study
integrated this is the likelihood of leave-one-study-out (Merkle, Furr & Rabe-Hesketh 2019,
doi:10.1007/s11336-019-09679-0).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy.special import logsumexp

from meta.models.agent_families import NewFamilies, new_families
from meta.models.arm_integral import Counts, arm_log_likelihood, log_rates
from meta.models.design import Design
from meta.models.quadrature import NODES, LogIntegrand, log_expectation
from meta.models.scale_mixture import MIXING_NODES, mixing

__all__ = ["Parameters", "log_rates", "pointwise_log_likelihood", "study_log_likelihood"]


@dataclass(frozen=True)
class Parameters:
    """Draws of a fit, flattened to D.

    Attributes
    ----------
    alpha
        Intercepts, shape (D, O).
    beta
        Slopes, shape (D, P, O).
    factor
        Cholesky factor of the correlation of study effects, shape (D, O, O).
    scale
        Sd of the units of each level about their parents, shape (D, O), by name of level.
    icc
        Intra-class correlation of an arm's trials, shape (D, O); None for the binomial.
    df
        Degrees of freedom of Student-t study effects, shape (D,), or None.
    logits
        Logit rate of each known unit, shape (D, O), by level and label.
    crossed
        Effect of each known unit of a crossed level, shape (D, O), by level and label.
    upper_share, split
        Of two populations of studies (in the last stage): the share of the upper one, and the share
        of the variance that lies between them, shape (D,); or None.
    """

    alpha: np.ndarray
    beta: np.ndarray
    factor: np.ndarray
    scale: Mapping[str, np.ndarray]
    icc: np.ndarray | None = None
    df: np.ndarray | None = None
    logits: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    crossed: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    upper_share: np.ndarray | None = None
    split: np.ndarray | None = None

    def populations(
        self, root: np.ndarray
    ) -> list[tuple[np.ndarray | float, np.ndarray, np.ndarray]]:
        """Log share, intercepts (D, O) and root covariance (D, O, O) of each population of studies.

        Parameters
        ----------
        root
            Cholesky factor of the covariance of all study effects, shape (D, O, O).
        """
        if self.split is None or self.upper_share is None:
            return [(0.0, self.alpha, root)]
        upper, lower = self.upper_share, 1 - self.upper_share
        gap = root[:, -1, -1] * np.sqrt(self.split / (upper * lower))
        within = root.copy()
        within[:, -1, -1] *= np.sqrt(1 - self.split)
        found: list[tuple[np.ndarray | float, np.ndarray, np.ndarray]] = []
        for share, shift in ((lower, -upper * gap), (upper, lower * gap)):
            alpha = self.alpha.copy()
            alpha[:, -1] += shift
            found.append((np.log(share), alpha, within))
        return found


@dataclass(frozen=True)
class _Block:
    """Rows of one study: their counts and their agent sets, and the draws they are seen under."""

    draws: Parameters
    counts: Mapping[int, Counts]
    shift: Mapping[int, np.ndarray]
    sets: Mapping[str, Sequence[int]]
    known_sets: Mapping[str, np.ndarray]
    families: NewFamilies

    def scale(self, level: str, index: np.ndarray) -> np.ndarray:
        """Sd of a level for each item of a batch; zero where the model does not have it."""
        if level not in self.draws.scale:
            return np.zeros((index.size, self.draws.alpha.shape[1]))
        return self.draws.scale[level][index]

    def row(self, row: int, index: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Log likelihood of one row: mean (B, O) and covariance (B, O, O) of its set's logits."""
        icc = None if self.draws.icc is None else self.draws.icc[index]
        arm = self.scale("arm", index) if "arm" in self.draws.scale else None
        if row in self.families.rows:
            spread = spread + _diagonal(self, index, "agent_family")
        return arm_log_likelihood(self.counts[row], mean + self.shift[row][index], spread, icc, arm)


def pointwise_log_likelihood(design: Design, draws: Parameters) -> np.ndarray:
    """Log likelihood of each observation given the draws of the lowest level's units.

    Parameters
    ----------
    design
        Design of the fit, without the level `arm`.
    draws
        Its draws.

    Returns
    -------
    numpy.ndarray
        Shape (D, N), in the order of the design's observations.
    """
    lowest = design.levels[-1]
    units = design.row_unit[-1]
    found = np.empty((len(draws.alpha), design.row.size))
    for n, row in enumerate(design.row):
        eta = draws.logits[lowest.name][lowest.units[units[row]]]
        eta = eta + _shift(design, int(row), draws)
        counts = Counts.of(design, int(row), [n])
        found[:, n] = counts.log_likelihood(eta, draws.icc)
    return found


def study_log_likelihood(
    design: Design,
    rows: Sequence[int],
    draws: Parameters,
    known_sets: Sequence[str] = (),
    study_known: bool = False,
) -> np.ndarray:
    """Log likelihood of rows of one study, integrated over every effect that is not known.

    Parameters
    ----------
    design
        Design that holds the rows.
    rows
        Indices of the rows, all of one study.
    draws
        Draws of a fit with the same stages, terms and levels.
    known_sets
        Labels of the agent sets whose draws are conditioned on.
    study_known
        Whether the study's draws are conditioned on.

    Returns
    -------
    numpy.ndarray
        Shape (D,).
    """
    top = design.levels[0]
    (study,) = {top.units[design.row_unit[0][r]] for r in rows}
    block = _block(design, rows, draws, known_sets, study_known)
    index = np.arange(len(draws.alpha))
    if study_known:
        return _sets(block, index, draws.logits[top.name][study])
    terms = []
    for log_weight, stretch in mixing(draws.df):
        root = (draws.scale[top.name] * stretch)[:, :, None] * draws.factor
        for log_share, alpha, within in draws.populations(root):
            terms.append(_whole_study(block, index, within, alpha) + log_share + log_weight)
    return np.asarray(logsumexp(terms, axis=0))


def _block(
    design: Design,
    rows: Sequence[int],
    draws: Parameters,
    known_sets: Sequence[str],
    study_known: bool,
) -> _Block:
    level = design.level("agent_set")
    sets: dict[str, list[int]] = {}
    for r in rows:
        # Without the level, a row is on its own below the study.
        where = [lv.name for lv in design.levels].index("agent_set") if level else 0
        label = level.units[design.row_unit[where][r]] if level else f"row {r}"
        sets.setdefault(label, []).append(r)
    known_families = {name for effects in draws.crossed.values() for name in effects}
    return _Block(
        draws=draws,
        counts={r: Counts.of(design, r) for r in rows},
        shift={r: _shift(design, r, draws) for r in rows},
        sets=sets,
        known_sets={label: draws.logits["agent_set"][label] for label in known_sets},
        families=new_families(design, sets, known_families, known_sets, study_known),
    )


def _shift(design: Design, row: int, draws: Parameters) -> np.ndarray:
    """What moderators and known crossed effects add to a row's logits, shape (D, O)."""
    shift = np.einsum("p,dpo->do", design.x[row], draws.beta)
    for level, unit in zip(design.crossed, design.row_crossed, strict=True):
        effects = draws.crossed.get(level.name, {})
        label = level.units[unit[row]]
        if label in effects:
            shift = shift + effects[label]
    return np.asarray(shift)


def _whole_study(
    block: _Block, index: np.ndarray, root: np.ndarray, alpha: np.ndarray
) -> np.ndarray:
    rows = [r for members in block.sets.values() for r in members]
    whole = root @ np.swapaxes(root, 1, 2)
    if block.families.whole_study:
        # The one family of all rows comes with the study's effect, as their sum.
        whole = whole + _diagonal(block, index, "agent_family")
        root = np.linalg.cholesky(whole)
    spread = whole + _set_spread(block, index, next(iter(block.sets)))
    if len(rows) == 1:
        return block.row(rows[0], index, alpha, spread)
    if len(block.sets) == 1:
        # The effects of the study and of its one agent set come as their sum.
        arms = _flat(index, lambda each, eta: _arms(block, each, rows, eta))
        return log_expectation(arms, alpha, np.linalg.cholesky(spread))
    sets = _flat(index, lambda each, eta: _sets(block, each, eta))
    return log_expectation(sets, alpha, root)


def _sets(block: _Block, index: np.ndarray, study: np.ndarray) -> np.ndarray:
    """Log likelihood of a study's agent sets given its logits, shape (B, O)."""
    total = np.zeros(index.size)
    for members in block.families.groups:
        inner = _flat(index, partial(_some_sets, block, members))
        total += log_expectation(inner, study, np.sqrt(_diagonal(block, index, "agent_family")))
    grouped = {label for members in block.families.groups for label in members}
    return total + _some_sets(block, [s for s in block.sets if s not in grouped], index, study)


def _some_sets(
    block: _Block, labels: Sequence[str], index: np.ndarray, study: np.ndarray
) -> np.ndarray:
    """Log likelihood of some agent sets given the logits that they vary about, shape (B, O)."""
    total = np.zeros(index.size)
    for label in labels:
        rows = block.sets[label]
        if label in block.known_sets:
            total += _arms(block, index, rows, block.known_sets[label][index])
        elif len(rows) == 1:
            total += block.row(rows[0], index, study, _set_spread(block, index, label))
        else:
            total += _new_set(block, index, label, study)
    return total


def _new_set(block: _Block, index: np.ndarray, label: str, study: np.ndarray) -> np.ndarray:
    return log_expectation(
        _flat(index, lambda each, eta: _arms(block, each, block.sets[label], eta)),
        study,
        np.sqrt(_set_spread(block, index, label)),
    )


def _set_spread(block: _Block, index: np.ndarray, label: str) -> np.ndarray:
    """Covariance of a new agent set's effect, with that of a family that is this set alone."""
    spread = _diagonal(block, index, "agent_set")
    if label in block.families.sets:
        spread = spread + _diagonal(block, index, "agent_family")
    return spread


def _arms(block: _Block, index: np.ndarray, rows: Sequence[int], parent: np.ndarray) -> np.ndarray:
    known = np.zeros((*parent.shape, parent.shape[1]))
    total = np.zeros(index.size)
    for row in rows:
        total += block.row(row, index, parent, known)
    return total


def _flat(index: np.ndarray, inner: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> LogIntegrand:
    """Let nodes of a batch be a longer batch."""

    def outer(items: np.ndarray, effects: np.ndarray) -> np.ndarray:
        batch, nodes, stages = effects.shape
        flat = effects.reshape(batch * nodes, stages)
        return inner(np.repeat(index[items], nodes), flat).reshape(batch, nodes)

    return outer


def _diagonal(block: _Block, index: np.ndarray, level: str) -> np.ndarray:
    """Covariance of a level's independent effects, shape (B, O, O)."""
    variance = block.scale(level, index) ** 2
    return variance[:, :, None] * np.eye(variance.shape[1])


def evaluations(
    design: Design,
    rows: Sequence[int],
    known_sets: Sequence[str] = (),
    study_known: bool = False,
    known_families: Collection[str] | None = None,
) -> int:
    """Likelihood evaluations a draw that `study_log_likelihood` costs, to choose how many draws.

    Parameters
    ----------
    design, rows, known_sets, study_known
        As for `study_log_likelihood`.
    known_families
        Families of agents that are conditioned on; all where not given.
    """
    binomial = design.spec.likelihood == "binomial"
    names = [lv.name for lv in design.levels]
    outer = NODES[len(design.stages)] ** len(design.stages)
    units = [
        design.levels[names.index("agent_set")].units[design.row_unit[names.index("agent_set")][r]]
        if "agent_set" in names
        else str(r)
        for r in rows
    ]
    sets: dict[str, list[int]] = {}
    for r, unit in zip(rows, units, strict=True):
        sets.setdefault(unit, []).append(r)
    if known_families is None:
        known_families = {unit for level in design.crossed for unit in level.units}
    families = new_families(design, sets, known_families, known_sets, study_known)
    in_group = {label for members in families.groups for label in members}
    total = 0
    for r, unit in zip(rows, units, strict=True):
        alone, known = units.count(unit) == 1, unit in known_sets
        # Of one row, the study's own effect is integrated with those below it.
        whole = len(rows) == 1 and not study_known
        spread = whole or r in families.rows or (alone and not known and "agent_set" in names)
        cost = Counts.of(design, r).nodes(spread, binomial, "arm" in names)
        total += cost * (1 if alone or known else outer) * (outer if unit in in_group else 1)
    if study_known:
        return total
    populations = {"student_t": MIXING_NODES, "two_population": 2}
    copies = populations.get(design.spec.random_effects, 1)
    return total * copies * (outer if len(sets) > 1 else 1)
