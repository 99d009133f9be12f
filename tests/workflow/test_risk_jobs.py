"""The risk of profiles as Snakemake plans it: for the shipped base, and not without its claims."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT, Pipeline, copy_checkout

pytestmark = pytest.mark.pipeline

RULES = {"risk_basis", "risk_table", "modifier_ratios", "risk_sensitivity"}


@pytest.fixture
def shipped(tmp_path: Path) -> Pipeline:
    """The shipped evidence and settings, elsewhere."""
    shutil.copytree(ROOT / "data/raw", tmp_path / "base/data/raw")
    return Pipeline(copy_checkout(tmp_path / "checkout"), tmp_path / "base")


def jobs(pipeline: Pipeline) -> dict[str, str]:
    """Planned jobs by rule."""
    done = pipeline.snakemake("--dry-run", "--printshellcmds")
    assert done.returncode == 0, done.stderr
    text = done.stdout + done.stderr
    return {job.split(":")[0].strip(): job for job in re.split(r"\n(?:local)?rule ", text)[1:]}


def test_the_risk_is_made_of_its_models_and_goes_into_the_report(shipped: Pipeline) -> None:
    planned = jobs(shipped)
    assert set(planned) >= RULES
    for part in (
        "fits/by_profile/posterior.nc", "fits/harm_by_shift_type/posterior.nc",
        "codes/sets/by_profile.parquet", "--contrasts data/processed/fits/contrasts",
    ):  # fmt: skip
        assert part in planned["risk_basis"]
    for model in ("by_profile", "by_specification_quality", "by_capability_level",
                  "by_training_diversity", "by_alignment_method"):  # fmt: skip
        assert f"fits/{model}/draws.parquet" in planned["modifier_ratios"]
    assert "fits/by_elicitation/" not in planned["modifier_ratios"]
    assert "--calculator data/processed/risk/calculator.json" in planned["risk_table"]
    report = planned["report"]
    words = (
        "--risk reports/risk.csv reports/modifiers.csv data/processed/risk/calculator.json "
        "--risk-drivers reports/risk_sensitivity.csv reports/value_of_information.csv"
    )
    assert words in report and "reports/risk.html" in report


def test_without_claims_there_is_no_risk(shipped: Pipeline) -> None:
    (shipped.base / "data/raw/claims.csv").unlink()
    planned = jobs(shipped)
    assert not RULES & set(planned)
    assert "risk.html" not in planned["report"] and "--risk" not in planned["report"]
