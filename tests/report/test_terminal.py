"""`meta show`: the numbers of pooled.csv rounded as on the pages, and the gates, failed first."""

from __future__ import annotations

import io
import json
import math
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from rich.console import Console

from meta.cli import main
from meta.errors import UserError
from meta.report.check_tables import FILES
from meta.report.pages import render_page
from meta.report.terminal import UNFINISHED, print_summary, summarise
from meta.report.wording import STAMP
from tests.report.test_pages import Page, agrees
from tests.stored_run import edit, finished_run

CHAIN = ("capable_goal_failure", "capability_transfer", "goal_failure")


def printed(summary, width=200, every=False):
    file = io.StringIO()
    print_summary(summary, every, Console(file=file, width=width, force_terminal=True))
    return file.getvalue()


def test_the_headline_is_the_chain_of_the_primary_as_the_page_shows_it(full):
    run = full.load()
    summary = summarise(run)
    assert summary.model == "rates"
    outcomes = list(dict.fromkeys(n.outcome for n in summary.numbers))
    assert outcomes == list(CHAIN)
    assert {n.estimand for n in summary.numbers} == {
        "rate_typical", "rate_mean", "rate_new", "rate_new_arm",
    }  # fmt: skip
    page = dict(Page(render_page(run)).numbers)
    pooled = pd.read_csv(full.fits[0] / "pooled.csv").set_index(["outcome", "group", "estimand"])
    text = printed(summary)
    for number in summary.numbers:
        row = pooled.loc[(number.outcome, "all", number.estimand)]
        assert (number.median, number.ci_low, number.ci_high) == (
            row["median"], row["ci_low"], row["ci_high"],
        )  # fmt: skip
        assert agrees(number.shown, row["median"])
        shown = page[f"rates/{number.outcome}/all/{number.estimand}"]
        assert (number.shown, number.interval) == (shown["median"], shown["interval"])
        assert number.shown in text
        assert number.interval in text


def test_failed_gates_come_first_and_are_stamped(full):
    assert summarise(full.load()).stamp == ""
    full.checks("by_failure_type", passed=False, value="1.25")
    summary = summarise(full.load())
    assert summary.stamp == STAMP
    first, *others = summary.gates
    assert (first.model, first.check, first.value) == ("by_failure_type", "r_hat", "1.25")
    assert all(gate.passed for gate in others)
    assert len(summary.gates) == 8  # two a model
    lines = [line for line in printed(summary).splitlines() if "r_hat" in line]
    assert "by_failure_type" in lines[0]
    assert "NO" in lines[0]
    assert "1 of 8 checks failed: " + STAMP in printed(summary)


def test_gates_of_other_models_are_counted_or_listed(full):
    summary = summarise(full.load())
    short, long = printed(summary), printed(summary, every=True)
    assert short.count("2 other checks") == 3
    assert "other checks" not in long
    assert (short.count("r_hat"), long.count("r_hat")) == (1, 4)


def test_one_model_has_its_groups_and_its_own_gates(full):
    full.checks("rates", passed=False)
    summary = summarise(full.load(), model="composition")
    assert summary.label == "composition, not a rate"
    assert {n.group for n in summary.numbers} == {
        "all", "failure_type=specification_gaming", "failure_type=goal_misgeneralization",
    }  # fmt: skip
    assert {gate.model for gate in summary.gates} == {"composition"}
    assert summary.stamp == ""  # what failed is of another model
    with pytest.raises(UserError, match=r"no model named 'rats'.*did you mean rates"):
        summarise(full.load(), model="rats")


@pytest.mark.parametrize("damage", ["", "nan"])
def test_a_statistic_that_is_missing_is_not_passed(full, damage):
    full.checks("rates", passed=True, value=damage)
    summary = summarise(full.load())
    assert (summary.gates[0].passed, summary.gates[0].value) == (False, "missing")
    assert summary.stamp == UNFINISHED


def test_markup_in_a_name_is_text(full):
    """A study may be called anything; the library's own markup must not be read in it."""
    text = Path(full.fits[0] / "diagnostics.csv").read_text()
    hostile = "[bold]x[/bold][link=https://example.org]y[/link]"
    (full.fits[0] / "diagnostics.csv").write_text(text.replace("tau[goal_failure]", hostile))
    assert hostile in printed(summarise(full.load()))


def test_json_holds_every_number_and_no_nan(full):
    full.edit("rates", "all", "goal_failure", mcse_mean=math.nan)
    content = json.loads(json.dumps(summarise(full.load()).as_json(), allow_nan=False))
    assert content["passed"] is True
    unknown = [n for n in content["numbers"] if n["mcse_mean"] is None]
    assert {n["outcome"] for n in unknown} == {"goal_failure"}
    assert len(content["gates"]) == 8


def show(directory, *words):
    return CliRunner().invoke(main, ["show", "--directory", str(directory), *words])


@pytest.fixture
def stored(tmp_path):
    """A run of one model that passes, with its checks against data."""
    base = finished_run(tmp_path / "base")
    fit = base / "data/processed/fits/rates"
    record = json.loads((fit / "fit.json").read_text())
    edit(fit / "fit.json", model="rates", primary=True, frame="denominator",
         spec={"stages": ["goal_failure"]})  # fmt: skip
    pooled = pd.read_csv(fit / "pooled.csv")
    pooled.assign(k_rows=3, k_studies=3, frame="denominator", passed=True).to_csv(
        fit / "pooled.csv", index=False
    )
    checks = [{"model": "rates", "check": n, **c} for n, c in record["checks"].items()]
    rows = pd.DataFrame(checks).assign(worst="", meaning="")
    rows.to_csv(fit / "diagnostics.csv", index=False)
    data = base / "data/processed/checks/rates"
    data.mkdir(parents=True)
    for name in ("diagnostics", "warnings", *FILES.values()):
        rows.head(0).to_csv(data / f"{name}.csv", index=False)
    (data / "summary.json").write_text("{}")
    return base


def test_a_stored_run_is_shown(stored):
    done = show(stored, "--json")
    assert done.exit_code == 0, done.output
    content = json.loads(done.output)
    assert content["notes"] == []
    assert content["passed"] is True
    pooled = pd.read_csv(stored / "data/processed/fits/rates/pooled.csv")
    assert [n["median"] for n in content["numbers"]] == [pooled["median"][0]]


def test_what_a_check_that_does_not_gate_warns_of_is_said(stored):
    path = stored / "data/processed/checks/rates/warnings.csv"
    row = {"model": "rates", "check": "loo_pit_ends", "value": 0.1, "passed": False}
    pd.DataFrame([row]).to_csv(path, index=False)
    content = json.loads(show(stored, "--json").output)
    said = "fit to the data: warned for rates (this does not gate): reports/diagnostics.html"
    assert content["notes"] == [said]
    assert content["warned"] == {"fit to the data": ["rates"]}
    assert content["passed"] is True
    printed_text = show(stored).output
    assert f"note: {said}" in printed_text
    assert re.search(r"gates passed: \d+ checks?; fit to the data: warned", printed_text)


def test_what_the_numbers_are_no_longer_of_is_said(stored):
    arms = stored / "data/raw/arms.csv"
    arms.write_text(arms.read_text() + "\n")
    config = stored / "config/config.yaml"
    config.write_text(config.read_text().replace("- study\n", "- study\n    - agent_set\n", 1))
    notes = json.loads(show(stored, "--json").output)["notes"]
    assert [n for n in notes if n.startswith("the evidence has changed")]
    assert [n for n in notes if n.startswith("rates: its settings have changed")]


def test_checks_that_are_not_made_yet_have_not_passed(stored):
    shutil.rmtree(stored / "data/processed/checks")
    content = json.loads(show(stored, "--json").output)
    assert content["passed"] is False
    assert content["gates"][0]["check"] == "checks against data"


@pytest.mark.parametrize("lost", ["everything", "half"])
def test_no_run_is_a_message(stored, lost):
    fit = stored / "data/processed/fits/rates"
    if lost == "everything":
        shutil.rmtree(stored / "data/processed")
    else:
        (fit / "pooled.csv").write_text("model,prim")
    done = show(stored)
    assert done.exit_code == 1
    assert "snakemake --cores 8" in done.stderr
    assert "Traceback" not in done.stderr
