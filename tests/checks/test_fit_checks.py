"""Checks of a stored fit: every file, code sets that agree, and what a page makes of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from meta.checks.fit_checks import check_fit
from meta.checks.gate import gate
from meta.checks.leave_one_out import leave_out
from meta.checks.loo_pit import loo_pit
from meta.checks.predictive import Part
from meta.config import FitChecks
from meta.errors import GateError
from meta.inference.store import write_fit
from meta.report.check_figures import (
    influence_figure,
    pareto_figure,
    pit_figure,
    predictive_figure,
)
from meta.report.check_sections import check_sections
from meta.report.check_tables import load_check_tables
from meta.report.inputs import Fit, ReportInputs
from tests.checks.simulated import part_of


@pytest.fixture(scope="module")
def folder(fitted, tmp_path_factory: pytest.TempPathFactory):
    """Checks of the shared fit, as the command writes them; two studies would need a refit."""
    base = tmp_path_factory.mktemp("checks")
    write_fit(xr.DataTree.from_dict({"/posterior": fitted.posterior}), {}, base / "posterior.nc")
    fitted.table.to_parquet(base / "rows.parquet")
    settings = FitChecks(draws=200, refit_models=(), tail_probability=0.001)
    other = fitted.task
    primary = other.model_copy(update={"spec": other.spec.model_copy(update={"primary": True})})
    files = base / "posterior.nc", base / "rows.parquet"
    check_fit(*files, primary, settings, 0.9, 2, base / "m")
    check_fit(*files, other, settings, 0.9, 2, base / "other")
    return base / "m"


def test_every_check_has_its_table_and_the_gate_reads_them(folder) -> None:
    tables = load_check_tables(folder, "m")
    assert set(tables.gates["passed"]) == {"True"}
    assert {"loo_pit", "posterior_predictive_zero_event_arms"} <= set(tables.gates["check"])
    assert "passed" in gate([folder / "diagnostics.csv"])
    assert len(tables.loo) == len(tables.studies) == len(tables.pit) == 12
    assert set(tables.prior["kind"]) == {"quantity", "statistic"}
    assert tables.summary["studies"] == 12
    assert tables.summary["comparable"] is False
    shifts = tables.influence
    assert {"rate_mean", "tau"} <= set(shifts["estimand"])
    assert "study_rate" not in set(shifts["estimand"])
    rows = pd.read_csv(folder / "diagnostics.csv")
    rows.loc[0, ["value", "passed"]] = [np.nan, False]
    broken = folder.parent / "diagnostics.csv"
    rows.to_csv(broken, index=False)
    with pytest.raises(GateError, match="missing or not finite"):
        gate([broken])


def test_posterior_predictive_checks_of_other_models_warn(folder) -> None:
    own, other = (load_check_tables(folder.parent / name, "m") for name in ("m", "other"))
    assert set(other.gates["check"]) == {"posterior_predictive_computed"}
    moved = set(other.warnings["check"]) - set(own.warnings["check"])
    assert moved == set(own.gates["check"]) - {"posterior_predictive_computed"}
    # Six statistics of one stage, each failing with probability .001 at most.
    assert own.summary["false_alarm_rate"] == pytest.approx(0.006)
    assert own.summary["not_computed"] == []


def test_the_page_shows_each_check_and_a_missing_file_fails(folder, tmp_path) -> None:
    tables = load_check_tables(folder, "m")
    for figure, table in (
        (predictive_figure, tables.predictive), (pit_figure, tables.bands),
        (pareto_figure, tables.loo), (influence_figure, tables.studies),
    ):  # fmt: skip
        assert figure("f", table).inline.startswith("<svg")
        assert not figure("f", table.iloc[:0])
    record = {"frame": "denominator", "checks": {}, "passed": True}
    pooled = pd.DataFrame({"passed": [True]})
    fit = Fit("m", record, pooled, tables.gates, None, tables)
    run = ReportInputs(fits=(fit,), flow={}, studies=pd.DataFrame(), estimates={})
    (section,) = check_sections(run)
    assert section.failed == 0
    assert "not for comparison: 12 studies, fewer than 20" in section.elpd
    assert section.influential[0]["study"] == tables.studies["study"][0].capitalize()
    assert section.products == ""
    rows = pd.DataFrame(
        {
            "conditioning": ["all_trials", "all_trials", "given_capability", "all_trials"],
            "events_goal_failure": pd.array([3, 0, 2, None], dtype="Int64"),
            "trials_goal_failure": pd.array([9, 9, 9, 9], dtype="Int64"),
        }
    )
    stages = ["capability_transfer", "goal_failure"]
    for spec, said in (
        ({"stages": stages}, "Goal failures of 2 of 3 rows are counted among all trials"),
        ({"stages": stages, "assumed_capable": True}, ""),
        ({"stages": stages[1:]}, ""),
    ):
        other = replace(fit, record={**record, "spec": spec}, rows=rows)
        (section,) = check_sections(replace(run, fits=(other,)))
        assert section.products.startswith(said)
        assert bool(section.products) is bool(said)
    lost = load_check_tables(tmp_path / "nothing", "m").gates
    assert len(lost) == 10
    assert set(lost["passed"]) == {"False"}


def test_code_sets_that_agree_give_what_one_set_gives(fitted) -> None:
    whole = part_of(fitted.table, posterior=fitted.posterior)
    halves = [
        part_of(fitted.table, posterior=fitted.posterior.isel(chain=pair))
        for pair in ([0, 1], [2, 3])
    ]
    halves = [Part(p.design, p.parameters, p.shape, p.step) for p in halves]
    one = [leave_out([whole], s) for s in whole.design.levels[0].units]
    two = [leave_out(halves, s) for s in whole.design.levels[0].units]
    for a, b in zip(one, two, strict=True):
        assert b.elpd == pytest.approx(a.elpd, abs=0.3)
        assert b.lpd == pytest.approx(a.lpd, abs=0.1)
    gap = loo_pit([whole], one, {}, 1)["pit"] - loo_pit(halves, two, {}, 1)["pit"]
    # The randomisation is the same; the replicates and half of the draws are not.
    assert gap.abs().max() < 0.08
