"""What the methods page says that calibration proves: no more than was measured."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from meta.report.calibration import (
    Calibrations,
    coverage_sentence,
    load_calibrations,
    status_of,
)
from meta.report.limits import limits_of
from meta.report.pages import render_report

ROOT = Path(__file__).parents[2]


def record(made=500, spec_hash="h", inside=True):
    outcome = [{"quantity": "tau[goal_failure]", "inside": inside}]
    return {"replicates": made, "required": 500, "spec_hash": spec_hash, "uniformity": outcome}


@pytest.mark.parametrize(
    ("stored", "state", "said"),
    [
        (None, "none", "nothing is proved"),
        (record(20), "trial", "trial of 20 of 500"),
        (record(), "complete", "500 replicates, all ranks inside"),
        ({**record(), "remark": "of a kind"}, "complete", "inside their bands: of a kind"),
        (record(inside=False), "failed", "outside: tau[goal_failure]"),
        (record(spec_hash="other"), "stale", "says nothing of this model"),
    ],
)
def test_the_status_is_what_was_measured(stored, state, said):
    found = status_of("rates", "h", stored)
    assert found.state == state
    assert said in found.text


def test_the_methods_page_says_it_of_each_model(full, tmp_path):
    run = full.load()
    spec = run.primary.record["spec_hash"]
    stored = Calibrations({"rates": record(20, spec), "composition": record(20, "other")})
    render_report(replace(run, calibration=stored), tmp_path)
    page = (tmp_path / "methods.html").read_text()
    rows = dict(re.findall(r'data-calibration="(\w+)">.*?class="status">(\w+)<', page, re.DOTALL))
    assert rows == {
        "rates": "trial", "rates_binomial": "none", "by_failure_type": "none",
        "composition": "stale",
    }  # fmt: skip
    assert "Coverage at fixed truths has not been measured" in page


def test_the_worst_cell_of_coverage_is_named(tmp_path):
    row = {"studies": 3, "observed": True, "tau": 0.5, "rate": 0.3, "estimand": "rate_mean",
           "coverage": 0.95, "coverage_low": 0.9, "coverage_high": 0.98, "bias": 0.0}  # fmt: skip
    worst = {**row, "studies": 60, "observed": False, "coverage": 0.1, "bias": 0.2}
    folder = tmp_path / "coverage"
    folder.mkdir()
    pd.DataFrame([row, worst]).to_csv(folder / "coverage.csv", index=False)
    measured = {"replicates": 3, "required": 100, "complete": False, "spec_hash": "h"}
    (folder / "coverage.json").write_text(json.dumps(measured))
    said = coverage_sentence(load_calibrations(tmp_path), "h")
    assert "3 of 100 replicates" in said
    assert "a trial" in said
    assert "60 studies" in said
    assert "capability not observed" in said
    assert "another specification" not in said
    assert "another specification" in coverage_sentence(load_calibrations(tmp_path), "g")


def test_the_shipped_folder_is_read_as_it_is():
    folder = ROOT / "calibration"
    stored = load_calibrations(folder)
    assert set(stored.records) == {path.parent.name for path in folder.glob("*/calibration.json")}
    for each in stored.records.values():
        assert each["passed"] is False or each["complete"]
    measured = (folder / "coverage/coverage.json").is_file()
    assert ("has not been measured" in coverage_sentence(stored, "h")) is not measured


def test_the_limits_say_that_more_blind_studies_do_not_help(full):
    run = full.load()
    row = {"observed": False, "estimand": "rate_mean", "tau": 0.5, "coverage": 0.5}
    cells = pd.DataFrame(
        [
            {**row, "studies": 3, "rate": 0.02, "bias": 0.25},
            {**row, "studies": 60, "rate": 0.02, "bias": 0.18},
            {**row, "studies": 60, "rate": 0.02, "bias": 0.22, "tau": 1.5},
            {**row, "studies": 60, "rate": 0.9, "bias": -0.02},
            {**row, "studies": 60, "rate": 0.02, "bias": 0.7, "observed": True},
        ]
    )
    first = limits_of(replace(run, calibration=Calibrations(cells=cells)))[0]
    assert first.name == "capability"
    assert "rate of 0.02, is off by +0.18 to +0.22 with 60 studies" in first.text
    assert "by +0.25 to +0.25 with 3." in first.text
    rows = run.primary.rows
    seen = set(rows.loc[rows["trials_capability_transfer"].notna(), "study"])
    blind = rows["study"].nunique() - len(seen)
    assert f"In {blind} of the {rows['study'].nunique()} studies no arm does." in first.text
    assert "simulations" not in limits_of(run)[0].text
