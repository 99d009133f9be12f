"""Draws that a reweighting conditions on, read without the rest of the fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from meta.checks.conditioned_draws import conditioned_draws
from meta.checks.reweighting import compare
from meta.errors import StoredFitError
from meta.evidence.analysis_set import Tables, analysis_set
from meta.evidence.checking import check
from meta.inference.draws import read_draws
from meta.models.build import model_of
from meta.models.specification import design_of
from meta.settings_file import load_settings
from meta.stored import rate_models
from tests.inference.test_draws import made_up

ROOT = Path(__file__).parents[2]
SETTINGS = load_settings(ROOT)


@pytest.fixture(scope="module")
def tables() -> Tables:
    return check(ROOT).tables


def edited(rows: pd.DataFrame) -> pd.DataFrame:
    """One arm out, one more of known agents, one of new agents, and one of a new study."""
    known, new = rows.iloc[[5]].assign(row_id="N1"), rows.iloc[[9]].assign(row_id="N2")
    other = rows.iloc[[9]].assign(row_id="N3", study="new_2026", agent_set="new_2026:a")
    return pd.concat([rows.drop(rows.index[2]), known, new.assign(agent_set="new"), other],
                     ignore_index=True)  # fmt: skip


@pytest.mark.parametrize("name", rate_models(SETTINGS))
def test_the_ratio_is_that_of_all_draws(name: str, tables: Tables, tmp_path: Path) -> None:
    task = SETTINGS.task(name)
    rows = analysis_set(tables, name, task.spec)
    design = design_of(rows, task.spec)
    path = tmp_path / "posterior.nc"
    posterior = made_up(model_of(design, task.priors))
    if "df" in posterior:
        posterior["df"] = task.priors.df.above + posterior["df"]
    posterior.to_netcdf(path, group="posterior", engine="h5netcdf")
    change = compare(design, design_of(edited(rows), task.spec))
    assert (len(change.added), len(change.removed)) == (3, 1)
    whole = read_draws(path, design, change.draws())
    few = conditioned_draws(path, design, change)
    assert (few.shape, few.step) == (whole.shape, whole.step)
    ratio = change.log_ratio(whole.parameters)
    assert np.ptp(ratio) > 0
    np.testing.assert_array_equal(change.log_ratio(few.parameters), ratio)
    for level, logits in few.parameters.logits.items():
        assert len(logits) <= 3 < len(whole.parameters.logits[level])
    assert few.parameters.logits["study"]


def test_what_is_not_a_fit_says_what_to_do(tables: Tables, tmp_path: Path) -> None:
    name = SETTINGS.primary
    spec = SETTINGS.models[name]
    rows = analysis_set(tables, name, spec)
    design = design_of(rows, spec)
    change = compare(design, design_of(edited(rows), spec))
    (tmp_path / "posterior.nc").write_bytes(b"no")
    with pytest.raises(StoredFitError, match="remove it and run"):
        conditioned_draws(tmp_path / "posterior.nc", design, change)
