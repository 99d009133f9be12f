"""The verdict rule, on both sides of each of its boundaries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from meta.claims.comparisons import Comparison
from meta.claims.estimates import Estimate
from meta.claims.printed import Figure
from meta.claims.verdict import (
    CONTRADICTED,
    LEAST_CONTRACTION,
    NOT_SUPPORTED,
    NOT_TESTABLE,
    ODDS_TOLERANCE,
    RATIO_TOLERANCE,
    REPRODUCED,
    SUPPORTED,
    Judgement,
    judge,
    overall,
    readiness,
    region,
)
from meta.models.design import FEWEST_STUDIES
from meta.risk.arithmetic import IMPLIED, STATED
from tests.claims.tables import RATE, estimates

SHARE = estimates().find(Comparison(**RATE))
assert SHARE is not None
LITTLE = 1e-9


def share(low: float, high: float, **changes: object) -> Estimate:
    return replace(SHARE, low=low, high=high, median=(low + high) / 2, **changes)


def point(value: float) -> Figure:
    return Figure(value, value)


@pytest.mark.parametrize("value", [0.02, 0.12, 0.5, 0.87])
def test_tolerance_of_a_share_is_a_distance_in_log_odds(value: float) -> None:
    near = region(point(value), is_ratio=False)
    ends = expit(logit(value) + np.log(ODDS_TOLERANCE) * np.array([-1, 1]))
    assert (near.low, near.high) == pytest.approx(tuple(ends), rel=1e-12)


def test_tolerance_of_a_ratio_is_that_of_bioequivalence() -> None:
    near = region(point(1.0), is_ratio=True)
    assert (near.low, near.high) == pytest.approx((0.80, 1.25))


@pytest.mark.parametrize("figure", [point(0.0), point(1.0), point(1.2), Figure(0.2, 0.6)])
def test_ranges_and_what_has_no_odds_have_no_tolerance(figure: Figure) -> None:
    assert region(figure, is_ratio=False) == figure


@pytest.mark.parametrize(
    ("low", "high", "verdict", "reason"),
    [
        (0.2, 0.6, SUPPORTED, "within"),
        (0.2 - LITTLE, 0.6, NOT_TESTABLE, "too imprecise"),
        (0.2, 0.6 + LITTLE, NOT_TESTABLE, "too imprecise"),
        (0.0, 1.0, NOT_TESTABLE, "too imprecise"),  # a wide interval supports nothing
        (0.1, 0.2, NOT_TESTABLE, "too imprecise"),  # touches
        (0.1, 0.2 - LITTLE, NOT_SUPPORTED, "outside"),
        (0.6, 0.7, NOT_TESTABLE, "too imprecise"),
        (0.6 + LITTLE, 0.7, NOT_SUPPORTED, "outside"),
    ],
)
def test_a_range_against_an_interval(low: float, high: float, verdict: str, reason: str) -> None:
    assert judge(Figure(0.2, 0.6), share(low, high)) == Judgement(verdict, reason)  # type: ignore[arg-type]


def test_a_point_is_left_out_by_an_interval_that_does_not_hold_it() -> None:
    near = region(point(0.5), is_ratio=False)
    assert judge(point(0.5), share(near.low, near.high)).verdict == SUPPORTED
    assert judge(point(0.5), share(near.low - LITTLE, near.high)).reason == "too imprecise"
    assert judge(point(0.5), share(near.low - 0.1, 0.5)).reason == "too imprecise"
    assert judge(point(0.5), share(near.low - 0.1, 0.5 - LITTLE)).verdict == NOT_SUPPORTED
    assert judge(point(0.5), share(0.5 + LITTLE, near.high + 0.1)).verdict == NOT_SUPPORTED


def test_a_precise_estimate_that_agrees_supports_though_it_misses_the_digit() -> None:
    assert judge(point(0.5), share(0.51, 0.53)).verdict == SUPPORTED


def test_a_ratio_has_the_tolerance_of_ratios() -> None:
    ratio = share(2 / RATIO_TOLERANCE, 2 * RATIO_TOLERANCE, estimand="risk_ratio")
    assert judge(point(2.0), ratio).verdict == SUPPORTED
    assert judge(point(2.0), replace(ratio, high=ratio.high + LITTLE)).reason == "too imprecise"
    # One less a ratio is a share again.
    assert not share(0.1, 0.2, estimand="1 - risk_ratio").is_ratio


def test_an_open_range_has_one_end() -> None:
    assert judge(Figure(0.3, np.inf), share(0.31, 0.9)).verdict == SUPPORTED
    assert judge(Figure(0.3, np.inf), share(0.1, 0.29)).verdict == NOT_SUPPORTED
    assert judge(Figure(-np.inf, 0.3), share(0.1, 0.29)).verdict == SUPPORTED


def test_a_bound_contradicts_and_never_supports() -> None:
    within = share(0.2, 0.4)
    assert judge(point(0.4), within, "at_most") == Judgement(NOT_TESTABLE, "bound only")
    assert judge(point(0.4 + LITTLE), within, "at_most") == Judgement(NOT_SUPPORTED, "outside")
    assert judge(point(0.3), within, "at_most").verdict == NOT_TESTABLE
    assert judge(point(0.01), within, "at_most").verdict == NOT_TESTABLE
    # Of a range the lowest figure is what has to be possible.
    assert judge(Figure(0.3, 0.9), within, "at_most").verdict == NOT_TESTABLE


@pytest.mark.parametrize(
    ("fit", "unfit", "reason"),
    [
        ({"k_direct": FEWEST_STUDIES}, {"k_direct": FEWEST_STUDIES - 1}, "few studies"),
        ({"k_rows": 1}, {"k_rows": 0}, "no rows"),
        (
            {"contraction": LEAST_CONTRACTION},
            {"contraction": np.nextafter(LEAST_CONTRACTION, 0)},
            "prior",
        ),
        ({}, {"contraction": float("nan")}, "prior"),
        ({}, {"passed": False}, "failed checks"),
        ({"frame": "contrasts"}, {"frame": "case_series"}, "selected on failure"),
        (
            {"estimand": "study_rate", "k_direct": 1},
            {"estimand": "study_rate", "k_direct": 0},
            "few studies",
        ),
    ],
)
def test_an_unfit_estimate_decides_nothing(
    fit: dict[str, object], unfit: dict[str, object], reason: str
) -> None:
    figure, estimate = Figure(0.2, 0.6), share(0.3, 0.4)
    assert judge(figure, replace(estimate, **fit)).verdict == SUPPORTED
    for low, high in ((0.3, 0.4), (0.8, 0.9)):
        found = judge(figure, replace(share(low, high), **unfit))
        assert found == Judgement(NOT_TESTABLE, reason)  # type: ignore[arg-type]


UNIT = st.floats(0.001, 0.999)


def test_rows_selected_on_failure_tell_of_shares_among_failures_alone() -> None:
    listed = share(0.3, 0.4, frame="case_series")
    figure = Figure(0.2, 0.6)
    assert judge(figure, listed) == Judgement(NOT_TESTABLE, "selected on failure")
    assert judge(figure, listed, of_failures=True).verdict == SUPPORTED
    above = share(0.7, 0.8, frame="case_series")
    assert judge(figure, above, of_failures=True).verdict == NOT_SUPPORTED
    # Everything else that is asked of an estimate is asked of it too.
    few = replace(listed, k_direct=FEWEST_STUDIES - 1)
    assert judge(figure, few, of_failures=True).reason == "few studies"


@given(UNIT, UNIT, UNIT, UNIT, UNIT)
def test_a_wider_interval_never_decides_more(
    a: float, b: float, c: float, d: float, e: float
) -> None:
    low, high = sorted((c, d))
    wider = share(min(low, e), max(high, e))
    for figure in (Figure(*sorted((a, b))), point(a)):
        narrow, wide = judge(figure, share(low, high)).verdict, judge(figure, wider).verdict
        if wide == SUPPORTED:  # so does any part of the interval
            assert narrow == SUPPORTED
        if wide == NOT_SUPPORTED:  # part of it may be within the tolerance of a point
            assert narrow == NOT_SUPPORTED or (figure.is_point and narrow == SUPPORTED)


@pytest.mark.parametrize(
    ("arithmetic", "evidence", "verdict"),
    [
        (CONTRADICTED, SUPPORTED, CONTRADICTED),
        (CONTRADICTED, NOT_TESTABLE, CONTRADICTED),
        (REPRODUCED, NOT_TESTABLE, REPRODUCED),
        (REPRODUCED, NOT_SUPPORTED, NOT_SUPPORTED),
        (REPRODUCED, SUPPORTED, SUPPORTED),
        ("", SUPPORTED, SUPPORTED),
        ("", NOT_TESTABLE, NOT_TESTABLE),
    ],
)
def test_failed_sums_outweigh_and_sums_that_hold_do_not(
    arithmetic: str, evidence: str, verdict: str
) -> None:
    assert overall(arithmetic, evidence) == verdict


@pytest.mark.parametrize(
    ("basis", "evidence", "verdict"),
    [
        (STATED, SUPPORTED, CONTRADICTED),
        (IMPLIED, SUPPORTED, SUPPORTED),
        (STATED, NOT_SUPPORTED, CONTRADICTED),
        (IMPLIED, NOT_SUPPORTED, CONTRADICTED),
        (STATED, NOT_TESTABLE, CONTRADICTED),
        (IMPLIED, NOT_TESTABLE, CONTRADICTED),
    ],
)
def test_an_implied_sum_that_fails_yields_to_evidence_that_supports(
    basis: str, evidence: str, verdict: str
) -> None:
    assert overall(CONTRADICTED, evidence, basis) == verdict
    held = NOT_TESTABLE if evidence == NOT_TESTABLE else evidence
    assert overall(REPRODUCED, evidence, basis) == (REPRODUCED if held == NOT_TESTABLE else held)


def test_a_figure_is_no_share_among_failures_unless_that_is_said() -> None:
    assert readiness(share(0.3, 0.4, frame="case_series")) == "selected on failure"
    assert readiness(share(0.3, 0.4, frame="case_series"), of_failures=True) is None
    assert readiness(share(0.3, 0.4)) is None
