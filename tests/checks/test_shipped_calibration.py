"""The committed calibration of every shipped model speaks for the model as it is."""

from pathlib import Path

import pytest

from meta.checks.calibration_record import read_calibration, stale_reasons
from meta.config import CALIBRATION_REPLICATES
from meta.evidence.analysis_set import Tables, analysis_set
from meta.evidence.checking import check
from meta.evidence.codes import any_codes
from meta.models.specification import design_of
from meta.settings_file import load_settings

ROOT = Path(__file__).parents[2]
SETTINGS = load_settings(ROOT)


@pytest.fixture(scope="module")
def tables() -> Tables:
    return check(ROOT).tables


#: Twenty replicates of it took over six minutes: to be measured once its effects mix better.
UNMEASURED = pytest.mark.xfail(strict=True, reason="not calibrated yet: run `make calibrate`")


@pytest.mark.parametrize(
    "model",
    [pytest.param(m, marks=UNMEASURED) if m == "rates_binomial" else m for m in SETTINGS.models],
)
def test_calibration_is_current_and_inside_its_bands(model: str, tables: Tables) -> None:
    task = SETTINGS.task(model)
    codes = any_codes(tables["codings"]) if task.spec.imputes else None
    now = design_of(analysis_set(tables, model, task.spec, codes), task.spec)
    folder = ROOT / "calibration" / model
    assert stale_reasons(folder, task, now) == []
    record = read_calibration(folder)
    assert record["passed"], record["uniformity"]
    assert record["sampling"]["replicates_below_effective_size"] <= 0.05 * record["replicates"]
    assert (folder / "ecdf.svg").is_file()


@pytest.mark.xfail(strict=True, reason="a trial of 20 replicates is stored: run `make calibrate`")
@pytest.mark.parametrize("model", SETTINGS.models)
def test_calibration_is_complete(model: str) -> None:
    record = read_calibration(ROOT / "calibration" / model)
    assert record["complete"]
    assert record["replicates"] >= CALIBRATION_REPLICATES[SETTINGS.models[model].primary]
