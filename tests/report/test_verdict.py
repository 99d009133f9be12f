"""Checks as shown: the threshold is read at a glance, with the side of it that is wanted."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from meta.report.summary_checks import against_data
from meta.report.verdict import Check
from tests.report.conftest import Base
from tests.report.made_up_checks import with_checks


@pytest.mark.parametrize(
    ("rule", "threshold", "wanted", "plainly"),
    [
        (">=", "400.0", "≥ 400", ">= 400"),
        ("<=", "0.0", "≤ 0", "<= 0"),
        ("<", "1.01", "< 1.01", "< 1.01"),
        (">", "0.30000000000000004", "> 0.3", "> 0.3"),
        # Of an earlier version, and of a check that is not made yet.
        ("", "0.005", "0.005", "0.005"),
        ("", "required", "required", "required"),
    ],
)
def test_the_threshold_has_its_side(rule: str, threshold: str, wanted: str, plainly: str) -> None:
    check = Check("rates", "ess_bulk", "31.5", threshold, passed=False, rule=rule)
    assert (check.wanted, check.plainly_wanted) == (wanted, plainly)
    assert plainly.isascii()


def test_sentences_of_the_checks_against_data_have_it_too(full: Base) -> None:
    fit = with_checks(full.load()).primary
    predictive = {
        "model": "rates", "check": "posterior_predictive_largest", "value": "0.0123456",
        "threshold": "0.005", "rule": ">=", "passed": "True", "worst": "", "meaning": "m",
    }  # fmt: skip
    both = pd.concat([fit.checks.gates, pd.DataFrame([predictive])])
    diagnostics = pd.concat([fit.diagnostics, both])
    said = against_data(
        replace(fit, diagnostics=diagnostics, checks=replace(fit.checks, gates=both))
    )
    assert said[0].endswith("smallest tail probability 0.01235 (largest), wanted ≥ 0.005")
    assert said[1].endswith("leaves its simultaneous bands by 0 at most, wanted ≤ 0")
