"""Thresholds are those of their sources, and what several analyses share is typed once."""

import re
from collections import Counter
from pathlib import Path

import pytest

from meta.checks import calibration_record, importance, replay_comparison, uniformity
from meta.claims import verdict
from meta.config import Gate
from meta.models import design
from meta.sensitivity_settings import Refits
from tests.checks.threshold_copies import (
    compared,
    in_text,
    literals,
    named_in_yaml,
    named_numbers,
    said,
)

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/meta"
SOURCES = sorted(PACKAGE.rglob("*.py"))
CODE = {p.relative_to(PACKAGE).with_suffix("").as_posix(): p.read_text("utf-8") for p in SOURCES}
#: Each place where a threshold is given its number, by module: once, but for the diagnostics of
#: refits, which have their own for each of the two lengths.
HOMES = {
    "config": [*Gate.model_fields, "tail_probability"],
    "sensitivity_settings": [
        "short_r_hat", "few_studies", *("r_hat", "ess", "ess"), "power_threshold",
        "smallest_weight",
    ],
    "checks/band_power": ["wide_band", "void_band"],
    "checks/importance": ["largest_k", "smallest_ess", "noise"],
    "checks/leave_one_out": ["fewest_studies"],
    "models/design": ["fewest_studies"],
    "checks/loo_pit": ["most_left_out"],
    "checks/sampler": ["fewest_chains"],
    "checks/replay_comparison": ["false_alarm"],
    "checks/uniformity": ["band_probability"],
    "checks/calibration_record": ["shape_tolerance"],
}  # fmt: skip
#: The gate's imputed sets and the refits without a study share the R-hat of short chains.
SHARED = {"r_hat_imputation", "refit_r_hat"}
NAMES = {name for names in HOMES.values() for name in names} | SHARED
#: Thresholds whose numbers are rare enough to be looked for as such.
RARE = {Gate().r_hat, Gate().r_hat_imputation, Gate().ess_bulk, Refits().r_hat, 0.005}
#: What happens to be one of these numbers.
OTHERWISE = {
    "chain_settings": [400],  # fewest draws of a chain with harm
    "checks/calibration": [400],  # draws of a replicate
    "checks/reweighting": [400],  # draws below which rates are not integrated again
    "models/arm_effect": [1.01],  # width of a table of one spread
    "report/agreement": [0.005],  # a share that is shown as 0%
    # Ends of axes.
    "report/check_figures": [1.02], "report/coverage_figure": [1.01], "report/risk_bars": [1.05],
    # The gate's bulk and tail, thinned draws of other models, predictive checks.
    "config": [1.01, 400, 400, 400, 0.005],
    "sensitivity_settings": [1.05, 1.02, 1.01],  # the last is a power of the prior
}  # fmt: skip
#: Modules of checks that compare with a number: what counts as zero.
ROUNDING = {"frequentist", "importance", "influence", "loo_pit", "unit_of_n"}
TEXTS = [
    path
    for path in sorted(PACKAGE.rglob("*"))
    if path.suffix in {".j2", ".yaml"} and not path.name.endswith(".css.j2")
]


def typed_in(pattern: str) -> list[str]:
    return [p.stem for p in SOURCES if re.search(pattern, p.read_text("utf-8"), re.MULTILINE)]


def test_fewest_studies_that_are_pooled() -> None:
    assert typed_in(r"^\w+_STUDIES = 3$|studies < 3\b|fewer than 3\b") == ["design"]


def test_largest_pareto_k() -> None:
    in_checks = [p.stem for p in SOURCES if p.parent.name == "checks"]
    assert [p for p in typed_in(r"\b0\.7\b") if p in in_checks] == ["importance"]


def test_a_threshold_is_given_its_number_once() -> None:
    found = {module: named_numbers(text, NAMES) for module, text in CODE.items()}
    typed = {module: Counter(names) for module, names in found.items() if names}
    known = {module: Counter(names) for module, names in HOMES.items()}
    known["config"] -= Counter(SHARED)
    assert typed == known


def test_no_code_holds_the_number_of_a_threshold_without_its_name() -> None:
    found = {module: literals(text, RARE) for module, text in CODE.items()}
    assert {module: Counter(numbers) for module, numbers in found.items() if numbers} == {
        module: Counter(map(float, numbers)) for module, numbers in OTHERWISE.items()
    }


def test_checks_compare_with_names() -> None:
    for module, text in CODE.items():
        folder, _, name = module.rpartition("/")
        if folder == "checks" and (numbers := compared(text)):
            assert name in ROUNDING, module
            assert max(numbers) < 1e-8, module


def test_no_settings_file_or_rule_repeats_a_threshold() -> None:
    """The shipped settings hold no copy of a default, and so can never disagree with it."""
    for path in [ROOT / "config/config.yaml", *(p for p in TEXTS if p.suffix == ".yaml")]:
        assert named_in_yaml(path.read_text("utf-8"), NAMES) == [], path
    for path in [ROOT / "Snakefile", *sorted((ROOT / "workflow").rglob("*.smk"))]:
        assert not re.search(rf"\b({'|'.join(NAMES)})\s*[=:]\s*\d", path.read_text("utf-8")), path


def test_no_sentence_for_readers_repeats_a_threshold() -> None:
    assert len(TEXTS) > 20
    for path in TEXTS:
        assert in_text(path.read_text("utf-8"), RARE) == [], path
    for module, text in CODE.items():
        assert said(text) == [], module


@pytest.mark.parametrize(
    "copy",
    [
        "few_studies: int = 10", "class A:\n    r_hat: float = Field(1.01, gt=1)",
        "FEW_STUDIES = 10", "def f(x, few_studies=10): ...", "def f(*, ess_bulk=400): ...",
        "Gate(e_bfmi=0.3)", "gate = {'mcse_over_sd': 0.05}", "MOST_LEFT_OUT = 1 / 3",
        "option('--few-studies', type=int, default=10)", "self.tail_probability = 5e-3",
        "divergences: int = -0",
    ],
)  # fmt: skip
def test_a_second_copy_in_code_is_found(copy: str) -> None:
    assert len(named_numbers(copy, NAMES)) == 1


def test_other_copies_are_found() -> None:
    assert literals("bad = r > 1.01 or least < 400", RARE) == [1.01, 400]
    assert compared("if k > 0.7 and n > 1 and 20 <= m: pass") == [0.7, 20]
    assert named_in_yaml("checks: {draws: 9, refit_r_hat: 1.05}", NAMES) == ["refit_r_hat"]
    assert named_in_yaml("a: [{gate: {r_hat: 1.01}}]", NAMES) == ["r_hat"]
    assert said('"""R-hat below 1.01."""\nx = f"wanted R-hat < 1.01 of {n}"') == ["R-hat < 1"]
    assert said("note = 'a difference below 4 is noise'") == ["difference below 4"]
    styled = '<style>a { width: 1.05rem }</style><p class="w-1.01">R-hat of 1.01, .005</p>'
    assert in_text(styled, RARE) == ["1.01", ".005", "R-hat of 1"]
    for text in ("more than a third of the studies", "Fewer than ten studies", "ESS at least 4"):
        assert in_text(text, RARE) != [], text


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
