"""Reweighting a fit to other rows: which studies change, and the importance ratio of each draw.

Only the rows that differ enter. Effects of a study or agent set that keeps other rows are
conditioned on, as the stored draws have them; effects of those that do not, new ones above all,
are integrated out of both sides of the ratio.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from meta.errors import UserError
from meta.models.design import Design
from meta.models.likelihood import Parameters, evaluations, study_log_likelihood

#: Likelihood evaluations that one reweighting may cost; it sets how many draws are used.
BUDGET = 8_000_000
MOST_DRAWS = 4000
FEWEST_DRAWS = 400
#: Columns of an analysis set that say where a row stands, not what it counts.
LABELS = ("failure_type", "sampling_frame", "grade")


class NotReweightableError(UserError):
    """The other rows make another model, of which the stored draws are not draws."""


@dataclass(frozen=True)
class Side:
    """Changed rows of one study on one side of the ratio, and what is conditioned on."""

    design: Design
    rows: tuple[int, ...]
    known_sets: tuple[str, ...]
    study_known: bool

    @property
    def cost(self) -> int:
        """Likelihood evaluations a draw."""
        return evaluations(self.design, self.rows, self.known_sets, self.study_known)

    def log_likelihood(self, draws: Parameters) -> np.ndarray:
        """Log likelihood of the rows, shape (D,)."""
        return study_log_likelihood(
            self.design, self.rows, draws, self.known_sets, self.study_known
        )


@dataclass(frozen=True)
class Change:
    """Rows that differ between two designs, by study."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    numerator: tuple[Side, ...]
    denominator: tuple[Side, ...]

    @property
    def empty(self) -> bool:
        """Whether no row differs."""
        return not (self.added or self.removed or self.changed)

    def draws(self, budget: int = BUDGET) -> int:
        """Draws to use at most.

        Parameters
        ----------
        budget
            Likelihood evaluations that the reweighting may cost.

        Raises
        ------
        NotReweightableError
            If the integrals cost more than a refit would.
        """
        cost = sum(side.cost for side in (*self.numerator, *self.denominator))
        most = budget // max(cost, 1)
        if most < FEWEST_DRAWS:
            raise NotReweightableError(
                "integrating over the effects of these rows would cost more than a refit"
            )
        return min(most, MOST_DRAWS)

    def log_ratio(self, draws: Parameters) -> np.ndarray:
        """Log of new over old likelihood of each draw, shape (D,)."""
        total = np.zeros(len(draws.alpha))
        for side in self.numerator:
            total += side.log_likelihood(draws)
        for side in self.denominator:
            total -= side.log_likelihood(draws)
        return total


def compare(old: Design, new: Design) -> Change:
    """Find the rows that differ between two designs of one model.

    Parameters
    ----------
    old
        Design whose posterior was drawn from.
    new
        Design of the other rows.

    Raises
    ------
    NotReweightableError
        If the new rows change the model itself: its levels or its moderators.
    """
    before, after = _signatures(old), _signatures(new)
    added = [r for r in after if r not in before]
    removed = [r for r in before if r not in after]
    changed = [r for r in after if r in before and after[r] != before[r]]
    kept = [r for r in after if r in before and after[r] == before[r]]
    if added or removed or changed:
        _require_same_model(old, new, kept)
    known = _known_units(old, kept)
    return Change(
        tuple(added), tuple(removed), tuple(changed),
        tuple(_sides(new, [*added, *changed], known)),
        tuple(_sides(old, [*removed, *changed], known)),
    )  # fmt: skip


def _signatures(design: Design) -> dict[str, tuple[object, ...]]:
    """What the likelihood reads of each row."""
    columns = [c for c in design.rows.columns if c not in LABELS and c != "row_id"]
    columns += [m for m in design.spec.moderators if m in LABELS]
    cells = design.rows[columns].astype(object)
    # A missing value equals itself only as text.
    cells = cells.where(cells.notna(), "")
    names = design.rows["row_id"].astype(str)
    values = cells.itertuples(index=False, name=None)
    return {name: tuple(map(str, row)) for name, row in zip(names, values, strict=True)}


def _require_same_model(old: Design, new: Design, kept: list[str]) -> None:
    names = [[lv.name for lv in d.levels] for d in (old, new)]
    if names[0] != names[1]:
        raise NotReweightableError(
            f"the rows change the model's levels from {', '.join(names[0])} to "
            f"{', '.join(names[1])}"
        )
    groups = [[g.label for g in d.groups] for d in (old, new)]
    if groups[0] != groups[1] or old.terms != new.terms:
        raise NotReweightableError("the rows change the values that a moderator takes")
    same = np.allclose(_x_of(old, kept), _x_of(new, kept), atol=1e-12)
    means = zip(old.groups, new.groups, strict=True)
    if not same or any(not np.allclose(a.x, b.x, atol=1e-12) for a, b in means):
        raise NotReweightableError("the rows change the scale or the mix of the moderators")


def _x_of(design: Design, names: list[str]) -> np.ndarray:
    position = {str(n): i for i, n in enumerate(design.rows["row_id"])}
    return design.x[[position[n] for n in names]]


def _known_units(design: Design, kept: Iterable[str]) -> tuple[set[str], set[str]]:
    """Studies and agent sets that keep a row, whose stored effects are conditioned on."""
    rows = set(kept)
    stays = design.rows["row_id"].astype(str).isin(rows).to_numpy()
    found: list[set[str]] = []
    for name in (design.levels[0].name, "agent_set"):
        level = design.level(name)
        if level is None:
            found.append(set())
            continue
        units = design.row_unit[[lv.name for lv in design.levels].index(name)]
        found.append({level.units[u] for u in units[stays]})
    return found[0], found[1]


def _sides(design: Design, names: list[str], known: tuple[set[str], set[str]]) -> list[Side]:
    position = {str(n): i for i, n in enumerate(design.rows["row_id"])}
    rows = pd.Series({position[n]: design.rows["study"].iloc[position[n]] for n in names})
    level = design.level("agent_set")
    sides = []
    for study, members in rows.groupby(rows):
        indices = tuple(int(i) for i in members.index)
        sets: set[str] = set()
        if level is not None:
            units = design.row_unit[[lv.name for lv in design.levels].index("agent_set")]
            sets = {level.units[units[r]] for r in indices}
        sides.append(Side(design, indices, tuple(sorted(sets & known[1])), str(study) in known[0]))
    return sides
