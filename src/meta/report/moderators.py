"""Moderators: what each setting goes with, how that compares, and what the prior said of it."""

import math
from dataclasses import dataclass

from meta.models.moderators import AGAINST
from meta.plural import counted
from meta.report.estimates import Estimate, percent
from meta.report.inputs import Fit, ReportInputs
from meta.report.tables import (
    CONTRASTS,
    Table,
    comparisons_of,
    group_table,
    groups_of,
    outcomes_of,
)
from meta.report.wording import comparison_name, outcome_name

#: Below this contraction a number says little beyond its prior.
LITTLE = 0.2
BEYOND_DATA = "a level without data"


@dataclass(frozen=True)
class Comparison:
    """One level of a moderator against its reference, for one outcome.

    Attributes
    ----------
    heading, outcome : str
        What is compared.
    ratio : Estimate
        Risk ratio.
    difference : Estimate or None
        Risk difference.
    sides : tuple of Estimate
        Average over studies at the level and at the reference.
    """

    heading: str
    outcome: str
    ratio: Estimate
    difference: Estimate | None
    sides: tuple[Estimate, ...] = ()

    @property
    def prior(self) -> str:
        """Median and interval of the ratio under the prior; empty where that was not drawn."""
        return self.ratio.prior_shown

    @property
    def contraction(self) -> str:
        """How much of its prior's variance the data took away; none where it is the wider one.

        Empty where a level has no data: what narrows it came from the other level and the model.
        """
        if self.bare:
            return ""
        share = self.ratio.contraction
        return "" if math.isnan(share) else percent(share) if share > 0 else "none"

    @property
    def verdict(self) -> str:
        """What to make of the ratio; empty where there is nothing to warn of."""
        share = self.ratio.contraction
        said = "" if math.isnan(share) or share >= LITTLE else "says little beyond its prior"
        return ": ".join(part for part in (self.bare, said) if part)

    @property
    def bare(self) -> str:
        """What is not observed of it; empty where both levels have data."""
        if not self.ratio.rows:
            return BEYOND_DATA
        # Marked as the levels are: what is unknown of one is unknown of the comparison.
        return next((side.no_data for side in self.sides if side.no_data), "")


@dataclass(frozen=True)
class Moderated:
    """A moderated model: rates by level, and each level against the reference."""

    fit: Fit
    rates: Table
    comparisons: list[Comparison]

    @property
    def little(self) -> int:
        """How many of the ratios say little beyond their prior."""
        return sum(comparison.ratio.contraction < LITTLE for comparison in self.comparisons)

    @property
    def apart(self) -> int:
        """How many of the ratios have intervals that leave out 1."""
        ends = [(c.ratio.low, c.ratio.high) for c in self.comparisons]
        return sum(low > 1 or high < 1 for low, high in ends)

    @property
    def summary(self) -> str:
        """What the ratios come to, for a reader who opens no table."""
        if not self.comparisons:
            return ""
        number = counted(len(self.comparisons), "risk ratio")
        said = f"{number}, {self.apart or 'none'} with an interval that leaves out 1"
        return f"{said}, {self.little} that say little beyond the prior" if self.little else said


def moderator_section(inputs: ReportInputs) -> list[Moderated]:
    """Show every rate model with moderators, in the order of the configuration.

    Parameters
    ----------
    inputs : ReportInputs
        The stored results.

    Returns
    -------
    list of Moderated
        Empty where no rate model has moderators.
    """
    found = []
    for fit in inputs.rate_fits:
        rates = group_table(inputs, fit, groups_of(inputs, fit))
        comparisons = _comparisons(inputs, fit)
        if rates.lines or comparisons:
            found.append(Moderated(fit, rates, comparisons))
    return found


def _comparisons(inputs: ReportInputs, fit: Fit) -> list[Comparison]:
    found = []
    for outcome in outcomes_of(inputs, fit):
        for group in comparisons_of(inputs, fit):
            ratio, difference = (inputs.estimate(fit.name, outcome, group, e) for e in CONTRASTS)
            if ratio:
                heading = f"{outcome_name(outcome)}: {comparison_name(group)}"
                sides = _sides(inputs, fit, outcome, group)
                found.append(Comparison(heading, outcome, ratio, difference, sides))
    return found


def _sides(inputs: ReportInputs, fit: Fit, outcome: str, group: str) -> tuple[Estimate, ...]:
    """Averages over studies at both levels of ``field=level vs reference``, as far as there are."""
    name, _, levels = group.partition("=")
    found = (
        inputs.estimate(fit.name, outcome, f"{name}={level}", "rate_mean")
        for level in levels.split(AGAINST)
    )
    return tuple(each for each in found if each)
