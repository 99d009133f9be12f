"""Contrasts and the notoriety offset on the page: numbers of the tables, limits beside them."""

import io
import json
import re
from dataclasses import replace

import pandas as pd
import pytest

from meta.checks.posterior_predictive import COLUMNS as PREDICTIVE_COLUMNS
from meta.report.check_tables import CheckTables
from meta.report.contrasts import effects_by_study, how_checked, pairs_table
from meta.report.notoriety import notoriety_table
from meta.report.pages import render_page, render_report
from meta.report.wording import COMPOSITION
from tests.report.conftest import COLUMNS, Base, fit_record

STAGES = ("capability_transfer", "goal_failure", "harm")
PRIOR = "harm_with_notoriety"
WARNED = "intervention=warning_or_prohibition"
STEERED = "intervention=steering_at_inference"


def row(model, outcome, group, estimand, middle, frame):
    values = [middle, 0.1, middle, middle * 0.5, middle * 1.5, 0.95, 0.001, 2000.0, 1500.0, 1.001]
    return [model, False, outcome, group, estimand, *values, 3, 8, 800, frame, True]


def contrasts(base: Base) -> Base:
    """A model of contrasts: warnings in three studies, steering in one."""
    folder = base.folder / "fits/contrasts"
    folder.mkdir(parents=True)
    of = ("contrasts", "goal_failure")
    rows = [
        row(*of, WARNED, estimand, middle, "contrasts")
        for estimand, middle in (
            ("log_odds_ratio", -1.2), ("odds_ratio", 0.31), ("odds_ratio_new", 0.29),
            ("odds_ratio_new_pair", 0.3),
            ("risk_ratio", 0.55), ("risk_difference", -0.21),
        )
    ]  # fmt: skip
    for study in base.studies[:3]:
        rows.append(row(*of, f"{WARNED}|study={study}", "study_odds_ratio", 0.33, "contrasts"))
    alone = f"{STEERED}|study={base.studies[0]}"
    rows.append(row(*of, alone, "study_odds_ratio", 7.5, "contrasts"))
    rows.append(row(*of, "all", "baseline_rate", 0.47, "contrasts"))
    rows.append(row(*of, "all", "tau_delta", 0.62, "contrasts"))
    pd.DataFrame(rows, columns=COLUMNS).to_csv(folder / "pooled.csv", index=False)
    base.checks("contrasts")
    record = fit_record("contrasts", ["goal_failure"], False, "contrasts")
    record["notes"] = ["shown by study, not pooled, for want of 3 studies: steering (1)"]
    (folder / "fit.json").write_text(json.dumps(record))
    base.fits.append(folder)
    arms = []
    for study in base.studies[:3]:
        arms.append((f"{study}:base", study, None, 30, 40))
        arms.append((f"{study}:warned", study, f"warning_or_prohibition@{study}:base", 12, 41))
    columns = ["row_id", "study", "against", "events_goal_failure", "trials_goal_failure"]
    path = base.folder / "analysis/contrasts.parquet"
    pd.DataFrame(arms, columns=columns).to_parquet(path)
    base.analysis.append(path)
    return base


def composition(base: Base) -> Base:
    base.fit("composition", STAGES, frame="case_series")
    folder = base.folder / "fits/composition"
    table = pd.read_csv(folder / "pooled.csv")
    more = [
        row(
            "composition", f"harm_with_notoriety={offset}", "all", "rate_mean", share, "case_series"
        )
        for offset, share in (("0", 0.36), ("1.5", 0.11), ("3", 0.03))
    ]
    more += [
        row("composition", "harm_with_notoriety", "all", estimand, 0.17, "case_series")
        for estimand in ("rate_typical", "rate_mean", "rate_new")
    ]
    extra = pd.DataFrame(more, columns=COLUMNS)
    pd.concat([table, extra]).to_csv(folder / "pooled.csv", index=False)
    record = json.loads((folder / "fit.json").read_text())
    record["spec"]["notoriety"] = {"distribution": "normal", "mu": 1.0, "sigma": 0.75}
    (folder / "fit.json").write_text(json.dumps(record))
    return base


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    base = Base(tmp_path_factory.mktemp("base"))
    base.fit("rates", STAGES[:2], primary=True)
    return contrasts(composition(base)).load()


@pytest.fixture(scope="module")
def page(run):
    return render_page(run)


def section(page: str, name: str) -> str:
    return page[page.index(f'<section id="{name}">') :].partition("</section>")[0]


def test_pooled_effects_and_counts_are_shown(page):
    shown = section(page, "contrasts")
    assert f'data-key="contrasts/goal_failure/{WARNED}/odds_ratio"' in shown
    assert "0.31" in shown
    assert "3 studies, 8 arms, 800 trials" in shown
    assert "47%" in shown
    assert "12/41" in shown
    assert "30/40" in shown


def test_what_is_not_pooled_says_so(page):
    shown = section(page, "contrasts")
    assert "Steering at inference (not pooled)" in shown
    assert f'data-key="contrasts/goal_failure/{STEERED}/odds_ratio"' not in shown
    assert "for want of 3 studies" in shown
    assert "was not verified by a person" in shown


def test_what_was_checked_is_said(run, page, tmp_path):
    """Without its table the predictive check was not made, and the page must not pass over it."""
    assert "no predictive check was made of it" in section(page, "contrasts")
    render_report(run, tmp_path / "without")
    assert "no predictive check was made of it" in (tmp_path / "without/methods.html").read_text()
    (fit,) = run.contrast_fits
    statistic = ["goal_failure", "largest_effect", "largest log odds ratio of a pair", 3.1, 1.0]
    values = [*statistic, 2.0, 4.0, 0.9, 0.1, 0.2, 0.01, 4000]
    predictive = pd.DataFrame([values], columns=PREDICTIVE_COLUMNS)
    gate = {"model": "contrasts", "check": "posterior_predictive_largest_effect", "value": "0.2",
            "threshold": "0.005", "passed": "True", "worst": "", "meaning": "m"}  # fmt: skip
    none = pd.DataFrame()
    tables = CheckTables(pd.DataFrame([gate]), *[none] * 2, predictive, *[none] * 5, {})
    checked = replace(fit, checks=tables)
    render_report(replace(run, fits=(*run.fits[:2], checked)), tmp_path / "with")
    page = (tmp_path / "with/index.html").read_text()
    assert "replicates of its arms with new effects" in section(page, "contrasts")
    own = section((tmp_path / "with/diagnostics.html").read_text(), "contrasts")
    assert "largest log odds ratio of a pair" in own
    assert "No study is left out" in own
    assert "LOO-PIT" not in own
    assert "not a rate" not in own
    assert "No statistic of them stands out" in how_checked(checked)
    warning = {**gate, "passed": "False", "meaning": "largest effect: observed 16.6; two-sided"}
    tables = replace(tables, warnings=pd.DataFrame([warning]))
    said = how_checked(replace(fit, checks=tables))
    assert "does not fit in every respect: largest effect: observed 16.6." in said
    # It gates nothing, and the first line of the report says that it is there.
    link = 'warn of the fit to the data: <a href="diagnostics.html#contrasts">'
    assert link not in page
    warned = replace(run, fits=(*run.fits[:2], replace(fit, checks=tables)))
    assert link in render_page(warned)


def test_effects_are_no_composition_and_no_rate(run, page):
    assert [fit.name for fit in run.composition_fits] == ["composition"]
    assert [fit.name for fit in run.rate_fits] == ["rates"]
    assert "baseline" not in section(page, "sensitivity")


def test_effects_are_found_by_study(run):
    (fit,) = run.contrast_fits
    found = effects_by_study(run, fit)
    assert [study for study, _ in found["warning_or_prohibition"]] == [
        *sorted({row.split(":")[0] for row in fit.rows["row_id"]})
    ]
    assert [e.median for _, e in found["steering_at_inference"]] == [7.5]


def test_the_offset_is_called_a_judgement_and_both_numbers_are_shown(page):
    shown = section(page, "composition")
    assert "which is a judgement and is not estimated" in shown
    assert "composition/harm_with_notoriety/all/rate_mean" in shown
    assert "composition/harm/all/rate_mean" in shown
    # e^1 and e^(1 +- 1.96 * 0.75).
    assert "2.7 (95% from 0.6 to 12)" in shown
    assert "gives 9% to" in shown
    assert "harm_with_notoriety=1.5" not in shown


def test_tables_beside_the_page(run, tmp_path):
    render_report(run, tmp_path)
    curve = pd.read_csv(io.StringIO((tmp_path / "notoriety.csv").read_text()))
    assert curve[["offset", "median"]].to_numpy().tolist() == [[0, 0.36], [1.5, 0.11], [3, 0.03]]
    assert curve["odds_ratio"].tolist() == pytest.approx([1, 4.4817, 20.0855], rel=5e-5)
    pairs = pd.read_csv(io.StringIO((tmp_path / "contrasts.csv").read_text()))
    assert pairs[["events", "trials", "baseline_events"]].drop_duplicates().to_numpy().tolist() == [
        [12, 41, 30]
    ]
    assert len(pairs) == 3


def test_a_base_without_them_has_neither(tmp_path):
    base = Base(tmp_path / "base")
    base.fit("rates", STAGES[:2], primary=True)
    run = base.load()
    assert pairs_table(run).empty
    assert notoriety_table(run).empty
    render_report(run, tmp_path / "out")
    assert not (tmp_path / "out/contrasts.csv").exists()
    assert "Not in this evidence base" in section(render_page(run), "contrasts")


@pytest.mark.parametrize("section", ["diagnostics", "provenance"])
def test_only_a_composition_is_called_one(full, section):
    page = render_page(contrasts(full).load())
    part = page[page.index(f'<section id="{section}">') :]
    named = re.findall(r"<summary>(.*?)</summary>", part[: part.index("</section>")])
    kinds = {text.partition(" (")[0]: text for text in named}
    assert "(odds ratios of arms within studies)" in kinds["contrasts"]
    assert COMPOSITION not in kinds["contrasts"]
    assert f"({COMPOSITION})" in kinds["composition"]


def test_the_risk_difference_has_its_unit(full):
    page = render_page(contrasts(full).load())
    assert '<th scope="col">Risk difference, percentage points</th>' in page
    assert 'data-label="Risk difference, percentage points"' in page
