"""Thresholds are those of their sources, and what several analyses share is typed once."""

import re
from pathlib import Path

from meta.checks import calibration_record, importance, replay_comparison, uniformity
from meta.claims import verdict
from meta.config import Gate
from meta.models import design

SOURCES = sorted((Path(__file__).parents[2] / "src/meta").rglob("*.py"))


def typed_in(pattern: str) -> list[str]:
    return [p.stem for p in SOURCES if re.search(pattern, p.read_text("utf-8"), re.MULTILINE)]


def test_fewest_studies_that_are_pooled() -> None:
    assert typed_in(r"^\w+_STUDIES = 3$|studies < 3\b|fewer than 3\b") == ["design"]


def test_largest_pareto_k() -> None:
    in_checks = [p.stem for p in SOURCES if p.parent.name == "checks"]
    assert [p for p in typed_in(r"\b0\.7\b") if p in in_checks] == ["importance"]


def test_the_gate_is_that_of_its_sources() -> None:
    """Vehtari et al. (2021): R-hat 1.01, 100 effective draws a chain; Betancourt (2016): 0.3."""
    assert Gate().model_dump() == {
        "r_hat": 1.01, "ess_bulk": 400, "ess_tail": 400, "mcse_over_sd": 0.05, "e_bfmi": 0.3,
        "divergences": 0, "max_depth_share": 0, "r_hat_imputation": 1.05,
    }  # fmt: skip


def test_thresholds_of_weights_replays_and_ranks() -> None:
    """Vehtari et al. (2024) for Pareto k; levels of tests as their documents state them."""
    assert (importance.LARGEST_K, importance.SMALLEST_ESS) == (0.7, 200)
    assert replay_comparison.FALSE_ALARM == 0.01
    assert uniformity.BAND_PROBABILITY == 0.95
    assert calibration_record.SHAPE_TOLERANCE == 0.25


def test_thresholds_of_verdicts() -> None:
    """Chen et al. (2010): odds of a small effect; bioequivalence; half of the prior's variance."""
    assert (verdict.ODDS_TOLERANCE, verdict.RATIO_TOLERANCE) == (1.68, 1.25)
    assert verdict.LEAST_CONTRACTION == 0.5
    assert sorted(verdict.UNSELECTED) == ["contrasts", "denominator"]
    assert design.FEWEST_STUDIES == 3
