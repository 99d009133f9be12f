r"""Moderators of a model: their columns of the design matrix and the settings they can be given.

Categories are contrasted symmetrically. Numbers enter per standard deviation; split into the mean
of each study and the deviation from it, a slope between studies is not taken for one within them
(Berlin et al. 2002, doi:10.1002/sim.1023). An ordinal field is monotonic: the columns are
cumulative indicators, one a step between neighbouring levels, and the coefficients share out a
total effect from the first level to the last,

.. math::
    x_i'\beta = b \sum_{j=1}^{k_i} \zeta_j, \qquad b \sim N, \quad \zeta \sim \mathrm{Dirichlet}

(Buerkner & Charpentier 2020, doi:10.1111/bmsp.12195, whose slope is b over the number of steps),
so that levels need not be equally far apart and cannot go up and down by noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd

from meta.config import ModelSpec
from meta.errors import DesignError
from meta.models.row_weights import row_weights
from meta.moderator_effects import Effect, levels_of, moderator_field

#: Between the two settings of a comparison, in the name of its group.
AGAINST = " vs "


@dataclass(frozen=True)
class Group:
    """A population for which estimands are reported: a label and its row of the design matrix."""

    label: str
    x: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Moderator:
    """One moderator, or one part of a split one.

    Attributes
    ----------
    name, effect
        Its name and the shape of its effect.
    ordered
        Whether its levels are those of an ordinal field with a total effect.
    columns
        Its columns of the design matrix.
    terms
        Names of these columns.
    levels
        Settings that it can be given, in order: values, or a mean and one sd above it.
    settings
        Its columns at each of them, shape (levels, columns).
    members
        Which rows have each, boolean of shape (levels, R).
    reference
        Index of the setting that the others are compared with.
    """

    name: str
    effect: Effect
    ordered: bool
    columns: slice
    terms: tuple[str, ...]
    levels: tuple[str, ...]
    settings: np.ndarray
    members: np.ndarray
    reference: int


@dataclass(frozen=True)
class ModeratorColumns:
    """Design matrix of all moderators (R, P), names of its columns, and what is reported of it."""

    x: np.ndarray
    terms: list[str]
    groups: list[Group]
    moderators: tuple[Moderator, ...]


def sum_to_zero_basis(size: int) -> np.ndarray:
    """Orthonormal basis of the contrasts of `size` levels, shape (size, size - 1).

    With coefficients iid Normal(0, s) every level's deviation has the same prior and the
    deviations sum to zero: no level is a reference, and a difference of two has sd s * sqrt(2).
    """
    q, _ = np.linalg.qr(np.column_stack([np.ones(size), np.eye(size)[:, : size - 1]]))
    return np.asarray(q[:, 1:])


def monotonic_basis(size: int) -> np.ndarray:
    """Cumulative indicators of `size` ordered levels, shape (size, size - 1): 1 for steps taken."""
    return np.tri(size, size - 1, k=-1)


def moderator_columns(
    rows: pd.DataFrame, spec: ModelSpec, categories: Mapping[str, list[str]] | None = None
) -> ModeratorColumns:
    """Turn the moderators of an analysis set into columns.

    Parameters
    ----------
    rows
        Rows of the analysis set.
    spec
        Model specification.
    categories
        Values that moderators take, where not those of the rows (imputed codes: those of any
        set). A category that no row has keeps its contrast, which the prior then speaks for.

    Raises
    ------
    DesignError
        If a moderator does not vary, its effect does not fit its values, or a value of an ordinal
        field is none of its levels.
    """
    blocks: list[np.ndarray] = []
    found: list[Moderator] = []
    for name in spec.moderators:
        parts = _numeric if pd.api.types.is_numeric_dtype(rows[name]) else _levelled
        for moderator, block in parts(name, rows, spec, (categories or {}).get(name)):
            start = sum(b.shape[1] for b in blocks)
            where = slice(start, start + block.shape[1])
            blocks.append(block)
            found.append(replace(moderator, columns=where))
    x = np.concatenate(blocks, axis=1) if blocks else np.zeros((len(rows), 0))
    terms = [term for moderator in found for term in moderator.terms]
    return ModeratorColumns(x, terms, _groups(x, found, row_weights(rows)), tuple(found))


def _groups(x: np.ndarray, moderators: list[Moderator], weights: np.ndarray) -> list[Group]:
    """Levels of each moderator that has any, the other moderators at the evidence's mean."""
    groups, average = [], weights @ x
    for m in moderators:
        if m.effect in ("linear", "within_between") and not m.ordered:
            continue
        for level, setting, members in zip(m.levels, m.settings, m.members, strict=True):
            mean = average.copy()
            mean[m.columns] = setting
            groups.append(Group(f"{m.name}={level}", mean, members))
    return groups or [Group("all", average, np.ones(len(x), bool))]


Parts = list[tuple[Moderator, np.ndarray]]


def _levelled(
    name: str, rows: pd.DataFrame, spec: ModelSpec, categories: list[str] | None
) -> Parts:
    """Columns of a moderator with levels."""
    effect = spec.effect(name, numeric=False)
    if effect is None or effect == "within_between":
        raise DesignError(f"the moderator {name} has no numbers: it cannot be {effect}")
    vocabulary = levels_of(moderator_field(name, spec.frame))
    values = rows[name].astype(str)
    present = set(categories or values)
    seen = [v for v in vocabulary if v in present] + sorted(present - set(vocabulary))
    if len(seen) < 2:
        raise DesignError(f"the moderator {name} is constant: nothing to estimate")
    if effect == "categories":
        levels, basis = tuple(seen), sum_to_zero_basis(len(seen))
        terms = tuple(f"{name}[{i}]" for i in range(len(seen) - 1))
    else:
        _require_levels(name, present, vocabulary)
        # A level that no row has is a step all the same, for which the prior speaks.
        levels, basis = vocabulary, monotonic_basis(len(vocabulary))
        terms = tuple(f"{name}[{a} to {b}]" for a, b in pairwise(levels))
        if effect == "linear":
            basis = np.linspace(0, 1, len(levels))[:, None]
            terms = (f"{name} (first level to last)",)
    codes = np.asarray(pd.Categorical(values, categories=levels).codes)
    moderator = Moderator(
        name, effect, effect != "categories", slice(0), terms, levels, basis,
        codes == np.arange(len(levels))[:, None], levels.index(seen[0]),
    )  # fmt: skip
    return [(moderator, basis[codes])]


def _require_levels(name: str, present: set[str], vocabulary: tuple[str, ...]) -> None:
    if not vocabulary:
        raise DesignError(
            f"the moderator {name} has no ordered vocabulary: its effect can only be categories"
        )
    if unknown := sorted(present - set(vocabulary)):
        raise DesignError(
            f"the moderator {name} holds {', '.join(unknown)}, which is no level of it "
            f"({', '.join(vocabulary)}); leave such rows out with a filter"
        )


def _numeric(
    name: str,
    rows: pd.DataFrame,
    spec: ModelSpec,
    categories: list[str] | None,  # noqa: ARG001
) -> Parts:
    """Columns of a number: one per sd, or its study means and the deviations from them."""
    effect = spec.effect(name, numeric=True)
    if effect not in ("linear", "within_between"):
        raise DesignError(f"the moderator {name} holds numbers: its effect cannot be {effect}")
    numbers = rows[name].astype(float)
    spread = float(numbers.std(ddof=0))
    if not spread > 0:
        raise DesignError(f"the moderator {name} is constant: nothing to estimate")
    centred = (numbers - numbers.mean()) / spread
    if effect == "linear":
        return [_slope(name, effect, centred)]
    between = centred.groupby(rows["study"]).transform("mean")
    within = centred - between
    for part, where in ((between, "between"), (within, "within")):
        # A split whose one part is constant leaves that slope to the prior alone.
        if np.ptp(part) < 1e-9:
            raise DesignError(
                f"the moderator {name} does not vary {where} studies: it cannot be split "
                "(within_between); let it be linear"
            )
    return [
        _slope(f"{name} between studies", effect, between),
        _slope(f"{name} within studies", effect, within),
    ]


def _slope(name: str, effect: Effect, values: pd.Series) -> tuple[Moderator, np.ndarray]:
    moderator = Moderator(
        name, effect, False, slice(0), (f"{name} (per sd)",), ("mean", "1 sd above mean"),
        np.array([[0.0], [1.0]]), np.ones((2, len(values)), bool), 0,
    )  # fmt: skip
    return moderator, values.to_numpy(float)[:, None]
