"""The committed calibration of every shipped model speaks for the model as it is."""

from pathlib import Path

import pandas as pd
import pytest

from meta.checks.calibration_record import read_calibration, stale_reasons
from meta.checks.uniformity import uniformity
from meta.config import CALIBRATION_REPLICATES
from meta.evidence.analysis_set import Tables, analysis_set
from meta.evidence.checking import check
from meta.evidence.codes import any_codes
from meta.models.specification import design_of
from meta.settings_file import load_settings

ROOT = Path(__file__).parents[2]
#: Share of divergent transitions beyond which a replicate is said to have been sampled badly.
MOST_DIVERGENT = 0.01
#: Models with more of them, whose record is from before replicates were sampled in smaller steps.
BEFORE_SMALLER_STEPS = ("harm_by_shift_type",)
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
    ranks = pd.read_parquet(folder / "ranks.parquet").drop_duplicates("replicate")
    chains = record["sampling"]["chains"]
    divergent = ranks["divergences"] > MOST_DIVERGENT * chains * ranks["draws"]
    assert divergent.mean() <= 0.1 or model in BEFORE_SMALLER_STEPS


def test_a_calibration_that_was_continued_stands_by_what_followed() -> None:
    """Its first 200 replicates left the band by one, which the 500 together would hide."""
    folder = ROOT / "calibration/by_capability_level"
    ranks = pd.read_parquet(folder / "ranks.parquet")
    followed = uniformity(ranks[ranks["replicate"] >= 200])
    assert followed["replicates"].min() == 300
    assert followed["inside"].all()
    first = uniformity(ranks[ranks["replicate"] < 200])
    assert (~first["inside"]).sum() == 1
    assert read_calibration(folder)["remark"].startswith("the first 200 left the band in 1 of 29")


@pytest.mark.parametrize("model", MODELS)
def test_calibration_is_complete(model: str) -> None:
    record = read_calibration(ROOT / "calibration" / model)
    assert record["complete"]
    assert record["replicates"] >= CALIBRATION_REPLICATES[SETTINGS.models[model].primary]
