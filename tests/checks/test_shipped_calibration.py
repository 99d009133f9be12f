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


MODELS = list(SETTINGS.models)


@pytest.mark.parametrize("model", MODELS)
def test_calibration_is_current_and_inside_its_bands(model: str, tables: Tables) -> None:
    task = SETTINGS.task(model)
    codes = any_codes(tables["codings"]) if task.spec.imputes else None
    now = design_of(analysis_set(tables, model, task.spec, codes), task.spec)
    folder = ROOT / "calibration" / model
    assert stale_reasons(folder, task, now) == []
    record = read_calibration(folder)
    assert all(each["inside"] for each in record["uniformity"]), record["uniformity"]
    assert record["passed"] is record["complete"]
    assert record["sampling"]["replicates_below_effective_size"] <= 0.05 * record["replicates"]
    assert (folder / "ecdf.svg").is_file()


@pytest.mark.parametrize("model", MODELS)
def test_calibration_is_complete(model: str) -> None:
    record = read_calibration(ROOT / "calibration" / model)
    assert record["complete"]
    assert record["replicates"] >= CALIBRATION_REPLICATES[SETTINGS.models[model].primary]
