"""The verdict on a printed figure: named thresholds, and nothing else decides.

The evidence speaks where an estimate exists, observes what is claimed and is not mostly its prior.
Then its interval is set against the region of values that agree with what is printed (a range is
its own region; a point has a tolerance). Within it: supported. Leaving every printed value out: not
supported. Anything else is too imprecise, so that a wide interval never supports anything. This is
the decision rule of an interval and a region of practical equivalence (Kruschke 2018,
doi:10.1177/2515245918771304), with rejection of the printed values themselves.

A claimed rate in general is held against the average over studies (`rate_mean`), since that is what
a claim that names no study can mean; that a new study may lie far from it is shown beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from meta.claims.comparisons import Relation
from meta.claims.estimates import Estimate
from meta.claims.printed import Figure
from meta.models.design import FEWEST_STUDIES
from meta.risk.arithmetic import IMPLIED, STATED

#: Odds may differ from those of a printed share by this factor and agree with it: less than a small
#: effect (Chen, Cohen & Chen 2010, doi:10.1080/03610911003650383).
ODDS_TOLERANCE = 1.68
#: Ratios may differ by this factor, as in bioequivalence (0.80 to 1.25).
RATIO_TOLERANCE = 1.25
#: Contraction that an estimate must have: at it the data say as much as the prior does. Of a risk
#: ratio it is that of the log odds compared, which knowledge of the level alone does not raise.
LEAST_CONTRACTION = 0.5
#: Frames whose rows are not chosen for having failed.
UNSELECTED = frozenset({"denominator", "contrasts"})

SUPPORTED, NOT_SUPPORTED, NOT_TESTABLE = "supported", "not supported", "not testable"
REPRODUCED, CONTRADICTED = "arithmetic reproduced", "arithmetic contradicted"
#: In the order in which they are shown.
VERDICTS = (CONTRADICTED, NOT_SUPPORTED, SUPPORTED, REPRODUCED, NOT_TESTABLE)

Reason = Literal[
    "within", "outside", "too imprecise", "bound only", "declared", "no figure", "no scale",
    "no comparison", "no estimate", "selected on failure", "failed checks", "no rows",
    "few studies", "confounded", "prior",
]  # fmt: skip


@dataclass(frozen=True)
class Judgement:
    """What the evidence says of a figure, and why."""

    verdict: str
    reason: Reason


def region(figure: Figure, is_ratio: bool) -> Figure:
    """Values that agree with a printed figure.

    Parameters
    ----------
    figure
        Point or range, on the scale of the estimate.
    is_ratio
        Whether it is a ratio; otherwise a share.

    Returns
    -------
    Figure
        A range as it is. About a point, the values whose odds (of a share) or which themselves (of
        a ratio) differ by less than the tolerance. A share outside 0 to 1, or a ratio that is not
        positive, has no tolerance.
    """
    value = figure.low
    if not figure.is_point or value <= 0 or (not is_ratio and value >= 1):
        return figure
    if is_ratio:
        return Figure(value / RATIO_TOLERANCE, value * RATIO_TOLERANCE)
    odds = value / (1 - value)
    low, high = odds / ODDS_TOLERANCE, odds * ODDS_TOLERANCE
    return Figure(low / (1 + low), high / (1 + high))


def readiness(estimate: Estimate, of_failures: bool = False) -> Reason | None:
    """Why an estimate cannot decide anything; None where it can.

    Parameters
    ----------
    estimate
        What a figure is held against.
    of_failures
        Whether the figure is itself a share among failures.
    """
    if estimate.frame not in UNSELECTED and not of_failures:
        return "selected on failure"
    if not estimate.passed:
        return "failed checks"
    if estimate.k_rows < 1:
        return "no rows"
    # Two studies cannot tell what varies between studies (Gonnermann et al. 2015,
    # doi:10.1002/sim.6473); a single study's own rate needs that study alone.
    if estimate.k_direct < (1 if estimate.estimand == "study_rate" else FEWEST_STUDIES):
        return "few studies"
    if estimate.of_settings and (estimate.k_kind or 0) < FEWEST_STUDIES:
        return "confounded"
    # Not `<`: an unknown contraction is not a passed one.
    if not estimate.contraction >= LEAST_CONTRACTION:
        return "prior"
    return None


def judge(
    figure: Figure, estimate: Estimate, relation: Relation = "equal", of_failures: bool = False
) -> Judgement:
    """Say what an estimate makes of a printed figure.

    Parameters
    ----------
    figure
        Point or range, on the scale of the estimate.
    estimate
        What it is held against.
    relation
        ``at_most`` where the figure can be no larger than the estimate: then the evidence can
        contradict the figure and cannot support it.
    of_failures
        Whether the figure is itself a share among failures.
    """
    unfit = readiness(estimate, of_failures)
    if unfit:
        return Judgement(NOT_TESTABLE, unfit)
    if relation == "at_most":
        above = figure.low > estimate.high
        return (
            Judgement(NOT_SUPPORTED, "outside") if above else Judgement(NOT_TESTABLE, "bound only")
        )
    agreeing = region(figure, estimate.is_ratio)
    if agreeing.low <= estimate.low and estimate.high <= agreeing.high:
        return Judgement(SUPPORTED, "within")
    if figure.high < estimate.low or figure.low > estimate.high:
        return Judgement(NOT_SUPPORTED, "outside")
    return Judgement(NOT_TESTABLE, "too imprecise")


def overall(arithmetic: str, evidence: str, basis: str = STATED) -> str:
    """Join the two halves into one verdict.

    A sum that fails by a rule that the document states cannot be mended by evidence: the document
    contradicts itself. A rule that only its tables imply may not be the document's, so where such a
    sum fails and the evidence supports the figure, it is the rule that is in doubt, and the figure
    is supported. A sum that holds proves nothing, so where it does the evidence is what counts, if
    it can tell.

    Parameters
    ----------
    arithmetic, evidence
        Verdicts of the sums (empty without any) and of the evidence.
    basis
        Whether the sums that decided are by a rule that is `STATED` or `IMPLIED`.
    """
    if evidence == NOT_TESTABLE:
        return arithmetic or evidence
    if arithmetic == CONTRADICTED and not (basis == IMPLIED and evidence == SUPPORTED):
        return CONTRADICTED
    return evidence
