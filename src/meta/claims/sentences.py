"""Sentences on a claim: what is printed, what the evidence says, and what follows."""

from __future__ import annotations

import math

from meta.claims.comparisons import Comparison
from meta.claims.estimates import Estimate
from meta.claims.printed import Figure
from meta.claims.verdict import (
    LEAST_CONTRACTION,
    UNSELECTED,
    Judgement,
    Reason,
    region,
)
from meta.models.design import FEWEST_STUDIES
from meta.models.moderators import AGAINST
from meta.plural import counted, plural

SHARE_UNITS = frozenset({"probability", "fraction"})
NO_FIGURE = "The document gives no figure."
NO_SCALE = "It cannot be put on the scale of the estimate."
#: Reasons for which no estimate is to be named: there is none, or nothing to hold against it.
WITHOUT_ESTIMATE = frozenset({"no figure", "no scale", "no comparison", "no estimate"})
#: Reasons that a comparison with an estimate ends in.
COMPARED = frozenset({"within", "outside", "too imprecise", "bound only"})


def printed_text(figure: Figure, unit: str) -> str:
    """Write a figure as printed: ``87%``, ``0.5 to 2``, ``at least 60``."""
    share = unit in SHARE_UNITS or unit.startswith("fraction")
    low, high = (
        f"{100 * v:.4g}%" if share else f"{v:.4g}" for v in (figure.low, figure.high)
    )  # fmt: skip
    if not figure.is_given:
        return "no figure"
    if figure.is_point:
        return low
    if not math.isfinite(figure.high):
        return f"at least {low}"
    return f"{low} to {high}" if math.isfinite(figure.low) else f"at most {high}"


def number_text(value: float, is_ratio: bool) -> str:
    """Write an estimated share or ratio to about two digits."""
    if not math.isfinite(value):
        return "no limit"
    if is_ratio:
        return f"{value:.2g}" if abs(value) < 10 else f"{value:,.0f}"
    percent = 100 * value
    near_one = 99 < percent < 100
    return f"{percent:.1f}%" if abs(percent) < 10 or near_one else f"{percent:.0f}%"


def span_text(low: float, high: float, is_ratio: bool) -> str:
    """Write an interval, ``48% to 83%``."""
    return f"{number_text(low, is_ratio)} to {number_text(high, is_ratio)}"


def estimate_text(estimate: Estimate) -> str:
    """Write an estimate with its interval, and that for a new study where there is one."""
    ratio = estimate.is_ratio
    text = (
        f"{number_text(estimate.median, ratio)} ({100 * estimate.ci_prob:.3g}% interval "
        f"{span_text(estimate.low, estimate.high, ratio)})"
    )
    if estimate.new is not None:
        unit = "study" if estimate.frame in UNSELECTED else "list"
        new = span_text(*estimate.new, ratio)
        text += f" on average over {plural(unit)}; in a new {unit} {new}"
    return text


def evidence_sentence(
    printed: Figure,
    figure: Figure,
    unit: str,
    comparison: Comparison | None,
    estimate: Estimate | None,
    judgement: Judgement,
) -> str:
    """Say what is printed and what it was held against.

    Parameters
    ----------
    printed, figure
        As printed, and on the scale of the estimate.
    unit
        Of the claim.
    comparison, estimate
        What it is held against; None where there is nothing.
    judgement
        What followed.

    Returns
    -------
    str
        Empty where no figure is printed. What follows from it is said by `conclusion`.
    """
    reason = judgement.reason
    parts = [] if reason == "no figure" else [_printed(printed, figure, unit)]
    if comparison is not None and estimate is not None and reason not in WITHOUT_ESTIMATE:
        shown = "Shown beside it" if reason == "declared" else "The number of the model"
        shown = "The evidence" if reason in COMPARED else shown
        parts.append(f"{shown}: {comparison.words}, {estimate_text(estimate)}.")
    return " ".join(parts)


def conclusion(
    figure: Figure,
    comparison: Comparison | None,
    estimate: Estimate | None,
    judgement: Judgement,
    single: dict[str, float],
) -> str:
    """Say why the evidence supports a claim, does not, or cannot tell.

    Parameters
    ----------
    figure
        The claim on the scale of the estimate.
    comparison, estimate
        What it is held against; None where there is nothing.
    judgement
        What followed.
    single
        Odds ratios of single studies, where too few have an intervention.
    """
    text = _conclusion(figure, comparison, estimate, judgement.reason, single)
    if comparison is not None and comparison.note and judgement.reason in COMPARED:
        return f"{text} {comparison.note}"
    return text


def _printed(printed: Figure, figure: Figure, unit: str) -> str:
    text = f"Printed: {printed_text(printed, unit)}"
    if figure != printed and figure.is_given:
        text += f", which makes a ratio of {printed_text(figure, 'ratio')}"
    return f"{text}."


def _conclusion(
    figure: Figure,
    comparison: Comparison | None,
    estimate: Estimate | None,
    reason: Reason,
    single: dict[str, float],
) -> str:
    if reason == "declared" and comparison is not None:
        return comparison.not_testable
    if estimate is None:
        return _without_estimate(comparison, reason, single)
    if reason in COMPARED:
        return _against(figure, estimate, reason)
    return {
        "selected on failure": "Its rows were selected on failure: a composition, not a rate.",
        "failed checks": "That number did not pass the checks of its sampler.",
        "no rows": "No row observes it: the number is the prior through the rest of the model.",
        "few studies": _few(estimate),
        "confounded": (
            "By codes that all coders agree on, studies at the setting with fewer, within one kind "
            f"of failure: {estimate.k_kind or 0}, where {FEWEST_STUDIES} are needed; without them "
            "the ratio is one of the kinds as much as of the settings."
        ),
        "prior": (
            f"The data took away {_contracted(estimate)} of the prior's variance"
            f"{' of the log odds between the settings' if estimate.of_settings else ''}, and "
            f"{LEAST_CONTRACTION:.0%} is asked for: the number is mostly its prior."
        ),
        "no scale": NO_SCALE,
    }.get(reason, NO_FIGURE)


def _against(figure: Figure, estimate: Estimate, reason: Reason) -> str:
    if reason == "outside":
        side = "above" if figure.low > estimate.high else "below"
        return f"What is printed lies {side} that interval."
    if reason == "bound only":
        return "What is printed is not above it, and a bound can contradict but not support."
    agreeing = region(figure, estimate.is_ratio)
    near = "what is printed"
    if agreeing != figure:
        span = span_text(agreeing.low, agreeing.high, estimate.is_ratio)
        near = f"{span}, what agrees with the printed figure"
    if reason == "within":
        return f"That interval lies within {near}."
    mass = estimate.mass(agreeing.low, agreeing.high)
    share = "" if math.isnan(mass) else f" ({mass:.0%} of the posterior does)"
    return f"That interval lies neither apart from nor within {near}{share}: too imprecise to tell."


def _few(estimate: Estimate) -> str:
    where = " at one of the two settings" if AGAINST in estimate.group else ""
    needed = "one is" if estimate.estimand == "study_rate" else f"{FEWEST_STUDIES} are"
    return (
        f"Studies that observe it directly{where}: {estimate.k_direct}, where {needed} needed; "
        "without them it rests on the prior."
    )


def _contracted(estimate: Estimate) -> str:
    if math.isnan(estimate.contraction):
        return "an unknown share"
    return f"{max(estimate.contraction, 0):.0%}"


def _without_estimate(
    comparison: Comparison | None, reason: Reason, single: dict[str, float]
) -> str:
    if reason == "few studies":
        each = ", ".join(
            f"{study.replace('_', ' ').capitalize()} {number_text(v, True)}"
            for study, v in sorted(single.items())
        )
        return (
            f"Arms were set against their baseline for this in {counted(len(single), 'study')}, "
            f"where {FEWEST_STUDIES} are needed (odds ratio of goal failure: {each})."
        )
    if reason == "no estimate" and comparison is not None:
        return (
            f"This run has no estimate of {comparison.words}: no row that it pools observes it, or "
            "its model was not fitted."
        )
    if reason == "no comparison":
        return "It is not declared what the figure could be held against."
    return NO_SCALE if reason == "no scale" else NO_FIGURE
