"""The chain with harm as Snakemake plans it: there with a model of harm, absent without one."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import Pipeline, small_pipeline

pytestmark = pytest.mark.pipeline

NOTORIETY = {"notoriety": {"mu": 1, "sigma": 0.75}}


def configured(folder: Path, **composition: object) -> Pipeline:
    """The small base with more said of its composition."""
    pipeline = small_pipeline(folder)
    path = pipeline.base / "config/config.yaml"
    settings = yaml.safe_load(path.read_text())
    settings["models"]["composition"] |= composition
    path.write_text(yaml.safe_dump(settings))
    return pipeline


def dry_run(pipeline: Pipeline) -> str:
    done = pipeline.snakemake("--dry-run")
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_without_a_prior_of_notoriety_nothing_is_joined(tmp_path: Path) -> None:
    text = dry_run(configured(tmp_path))
    assert "rule chain:" not in text
    assert "chain.csv" not in text
    assert "rule report:" in text


def test_with_one_the_chain_is_made_of_both_fits_and_goes_into_report_and_gate(
    tmp_path: Path,
) -> None:
    text = dry_run(configured(tmp_path, **NOTORIETY))
    jobs = {job.split(":")[0].strip(): job for job in text.split("\nrule ")[1:]}
    chain = jobs["chain"]
    for part in ("fits/rates/posterior.nc", "fits/composition/posterior.nc",
                 "codes/sets/composition.parquet", "chains/rates/pooled.csv"):  # fmt: skip
        assert part in chain
    assert text.count("\nrule chain:") == 1
    report = jobs["report"]
    for part in ("chains/rates/correlation.csv", "reports/chain.csv",
                 "reports/chain_correlation.csv"):  # fmt: skip
        assert part in report
    assert "chains/rates/diagnostics.csv" in jobs["gate"]


def test_rates_that_cannot_be_joined_get_no_chain(tmp_path: Path) -> None:
    pipeline = configured(tmp_path, **NOTORIETY)
    path = pipeline.base / "config/config.yaml"
    settings = yaml.safe_load(path.read_text())
    settings["models"]["rates"]["random_effects"] = "student_t"
    path.write_text(yaml.safe_dump(settings))
    assert "rule chain:" not in dry_run(pipeline)
