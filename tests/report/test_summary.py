"""The run on one page: its numbers are those of the files, and a failed check stamps it."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from meta.report.environment import markdown_environment
from meta.report.pages import render_report
from meta.report.summary_checks import against_data, sampler_lines
from tests.report.made_up_checks import with_checks
from tests.report.test_figure_files import sensitivity
from tests.report.test_pages import agrees


@pytest.fixture
def run(full):
    return replace(with_checks(full.load()), sensitivity=(sensitivity(),))


def summary(run, folder) -> str:
    render_report(run, folder)
    assert 'href="summary.md"' in (folder / "index.html").read_text()
    return (folder / "summary.md").read_text()


def table(text: str, first: str) -> list[list[str]]:
    """Cells of the lines of a table."""
    lines = text[text.index(f"| {first} |") :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_results_are_the_pooled_rows(run, tmp_path) -> None:
    text = summary(run, tmp_path / "out")
    pooled = pd.read_csv(tmp_path / "out/pooled.csv").query("model == 'rates' and group == 'all'")
    rows = pooled.set_index(["outcome", "estimand"])
    found = table(text, "Outcome")
    outcomes = ("capable_goal_failure", "capability_transfer", "goal_failure")
    assert len(found) == len(outcomes)
    for outcome, (_, *cells) in zip(outcomes, found, strict=True):
        for estimand, cell in zip(("rate_typical", "rate_mean", "rate_new"), cells, strict=True):
            row = rows.loc[(outcome, estimand)]
            shown = re.fullmatch(r"(\S+) \((\S+) to (\S+)\)", cell).groups()
            for part, name in zip(shown, ("median", "ci_low", "ci_high"), strict=True):
                assert agrees(part, row[name]), (outcome, estimand, cell)
    tau = rows.loc[("goal_failure", "tau")]
    shown = re.findall(r"\(tau\) (\S+) \((\S+) to (\S+)\)", text)[-1]
    for part, name in zip(shown, ("median", "ci_low", "ci_high"), strict=True):
        assert agrees(part, tau[name])


def test_the_worst_of_the_sampler_is_that_of_the_diagnostics(full, tmp_path) -> None:
    full.checks("rates_binomial", value="1.0087")
    text = summary(full.load(), tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/diagnostics.csv")
    worst = table.loc[table["check"].eq("r_hat"), "value"].max()
    assert f"largest R-hat 1.002 ({worst:.4g}; " in text
    assert "worst of 4 models" in text
    assert "DRAFT" not in text


def test_a_missing_value_is_the_worst(full) -> None:
    full.checks("composition", value="")
    (line,) = [line for line in sampler_lines(full.load()) if "R-hat" in line.name]
    assert (line.worst, line.failed) == ("missing", 1)


def test_a_failed_check_stamps_it(full, tmp_path) -> None:
    full.checks("rates_binomial", passed=False, value="1.3")
    text = summary(full.load(), tmp_path / "out")
    assert "**DRAFT: not converged: do not cite.**" in text
    assert "rates binomial, r hat 1.3" in text.replace("\\", "")
    assert "FAILED by 1 model" in text


def test_checks_and_sensitivity_are_those_of_their_tables(run, tmp_path) -> None:
    text = summary(run, tmp_path / "out")
    loo = run.primary.checks.loo
    assert f"largest Pareto k of the {len(loo)} reweighted {loo['pareto_k'].max():.2f}; " in text
    assert "limit 0.67; 0 not reliable" in text
    assert f"Each of {len(loo)} studies left out" in text
    lines = {line[0]: line[1:] for line in table(text, "Varied")}
    weights = run.sensitivity[0]["zero_events"]
    part = weights[weights["outcome"].eq("goal_failure") & weights["estimand"].eq("rate_mean")]
    number, _, shown, _, failing = lines["unpublished studies without events"]
    low, high = shown.split(" to ")
    assert agrees(low, part["median"].min())
    assert agrees(high, part["median"].max())
    assert int(number) == part["publication_weight"].nunique()
    assert int(failing) == (~part["reliable"]).sum() == 1


def test_the_pareto_k_of_refitted_studies_is_told_beside_that_of_the_others(run) -> None:
    loo = run.primary.checks.loo.copy()
    last = loo.index[-1]
    loo.loc[last, ["method", "pareto_k", "limit"]] = ["refit", 1.03, 0.65]
    checks = replace(run.primary.checks, loo=loo)
    said = " ".join(against_data(replace(run.primary, checks=checks)))
    others = loo.drop(index=last)["pareto_k"].max()
    largest = f"of the {len(loo) - 1} reweighted {others:.2f}, of the 1 refitted 1.03"
    assert f"largest Pareto k {largest}; limits 0.65 to 0.67; 0 not reliable" in said


def test_data_and_record_are_told(run, tmp_path) -> None:
    text = summary(run, tmp_path / "out")
    record = run.primary.record
    for said in (
        "6 studies, 20 rows, 4,000 trials", "300 arms, control, ablation, total or subset",
        "400 records, no denominator stated", record["data_hash"][:16], str(record["seed"]),
        record["provenance"]["commit"], "4 chains of 1,000 draws", "normal, mean 0, sd 1.5",
        "meta replay data/processed/fits/rates/fit.json",
    ):  # fmt: skip
        assert said in text, said
    priors = pd.read_csv(tmp_path / "out/prior_implications.csv")
    mine = priors["models"].str.split().map(lambda models: "rates" in models)
    row = priors[mine & priors["estimand"].eq("rate_mean")].iloc[0]
    shown = re.search(r"average over studies (\S+) \((\S+) to (\S+?)\)", text).groups()
    for part, name in zip(shown, ("q0.5", "q0.025", "q0.975"), strict=True):
        assert agrees(part, row[name])


def test_it_fits_a_page(run, tmp_path) -> None:
    lines = summary(run, tmp_path / "out").splitlines()
    assert sum(max(1, math.ceil(len(line) / 120)) for line in lines) <= 62


def test_bases_without_rates_or_models_have_one(base, tmp_path) -> None:
    base.fit("cases", ("harm",), frame="case_series")
    text = summary(base.load(), tmp_path / "out")
    assert "No model of rates was fitted." in text


@pytest.mark.parametrize(
    "hostile",
    ["<script>x</script>", "[a](javascript:x)", "a|b", "**b** _c_ `d`", "one\n\n# two", "\\<b>"],
)
def test_text_is_text(hostile) -> None:
    source = markdown_environment().from_string("| {{ text }} |\n|---|\n").render(text=hostile)
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(source)
    assert set(re.findall(r"<(\w+)", html)) == {"table", "thead", "tr", "th"}
    shown = re.sub(r"<[^>]+>", "", html).replace("&lt;", "<").replace("&gt;", ">").strip()
    assert shown == re.sub(r"\s+", " ", hostile)
