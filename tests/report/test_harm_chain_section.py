"""The section on the chain with harm: its numbers, what it calls data and what judgement."""

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from meta.report.estimates import index_estimates
from meta.report.harm_chain import harm_section
from meta.report.limits import limits_of
from meta.report.methods.harm_chain import joinings
from meta.report.methods.mathematics import mathml
from meta.report.pages import render_page, render_report
from meta.report.verdict import failed_checks
from meta.report.wording import NO_ARM, NO_CASE, STAMP
from tests.report.conftest import TYPES, Base
from tests.report.test_pages import Page, agrees, pooled, section_of

WHOLE = "harmful_misgeneralization"
GROUPS = [f"failure_type={kind}" for kind in TYPES]
RECORD = {
    "notoriety": {"distribution": "normal", "mu": 1.0, "sigma": 0.75, "offsets": [0.0]},
    "transport": {"distribution": "normal", "mu": 0.0, "sigma": 0.5},
    "eta": 2.0, "correlations": [-0.5, "lkj"], "draws": 8000, "seed": 1,
}  # fmt: skip


def add_chain(base: Base, rates: str, groups: list[str], **record: object) -> Path:
    """Write one chain of made-up numbers as its step does, each number unlike the others."""
    folder = base.folder / "chains" / rates
    folder.mkdir(parents=True)
    values = iter(np.linspace(0.03, 0.47, 8 * len(groups)))
    rows, correlations = [], []
    for group in groups:
        for outcome in ("harm", WHOLE):
            for estimand in ("rate_typical", "rate_mean", "rate_new"):
                centre = float(next(values))
                row = base.pooled_row(
                    rates, rates == "rates", outcome, group, estimand,
                    "denominator and case_series", centre,
                )  # fmt: skip
                harm = outcome == "harm"
                row[15:18] = (5, 6, 139) if harm else (26, 118, 9000)
                prior = [0.2, 0.01, 0.9, 0.64 if harm else 0.67, 5 if harm else 0]
                share = 0.71 if (outcome, estimand) == ("harm", "rate_typical") else None
                rows.append([*row, *prior, "composition", 139, share])
        correlations += [
            [rates, group, value, estimand, middle, middle / 3, middle * 3, 0.95]
            for value, middle in (("-0.5", 0.041), ("0.0", 0.052), ("lkj", 0.215))
            for estimand in ("rate_typical", "rate_mean", "rate_new")
        ]
    more = ["prior_median", "prior_ci_low", "prior_ci_high", "contraction", "k_direct",
            "harm_model", "k_cases", "judged_share"]  # fmt: skip
    columns = [*pd.read_csv(base.fits[0] / "pooled.csv", nrows=0), *more]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "pooled.csv", index=False)
    names = ["model", "group", "correlation", "estimand", "median", "ci_low", "ci_high", "ci_prob"]
    pd.DataFrame(correlations, columns=names).to_csv(folder / "correlation.csv", index=False)
    write_checks(folder, rates, passed=True)
    content = {"rates": rates, "harm": "composition", **RECORD, **record}
    (folder / "chain.json").write_text(json.dumps(content))
    base.chains.append(folder)
    return folder


def write_checks(folder: Path, rates: str, passed: bool) -> None:
    columns = ["model", "check", "value", "threshold", "passed", "worst", "meaning"]
    row = [rates, "chain_r_hat", "1.004", "1.01", passed, f"{WHOLE}/all/rate_mean", "with harm: m"]
    pd.DataFrame([row], columns=columns).to_csv(folder / "diagnostics.csv", index=False)


def change(folder: Path, group: str, outcome: str | None, **values: object) -> None:
    table = pd.read_csv(folder / "pooled.csv")
    rows = table["group"].eq(group) & (table["outcome"].eq(outcome) if outcome else True)
    assert rows.any()
    for name, value in values.items():
        table.loc[rows, name] = value
    table.to_csv(folder / "pooled.csv", index=False)


@pytest.fixture
def joined(full: Base) -> Base:
    add_chain(full, "rates", ["all"])
    add_chain(full, "by_failure_type", GROUPS)
    return full


def text_of(source: str, name: str = "harm") -> str:
    return " ".join(Page(section_of(source, name)).text.split())


def test_every_number_shown_is_a_pooled_row_and_stands_in_this_section_alone(joined, tmp_path):
    render_report(joined.load(), tmp_path / "out")
    source = (tmp_path / "out/index.html").read_text()
    rows = pooled(tmp_path / "out")
    numbers = Page(section_of(source, "harm")).numbers
    keys = {key for key, _ in numbers}
    assert keys == {
        f"{model}/{outcome}/{group}/{estimand}"
        for model, groups in (("rates", ["all"]), ("by_failure_type", GROUPS))
        for group in groups
        for outcome in ("harm", WHOLE)
        for estimand in ("rate_mean", "rate_new")
    }
    for key, shown in numbers:
        assert agrees(shown["median"], float(rows[key]["median"])), key
        low, high = shown["interval"].split(" to ")
        assert agrees(low, float(rows[key]["ci_low"])), key
        assert agrees(high, float(rows[key]["ci_high"])), key
    others = {key for key, _ in Page(source.replace(section_of(source, "harm"), "")).numbers}
    assert not keys & others, "the chain of the evaluations is not mixed with what is judged"


def test_files_hold_the_rows_with_the_columns_of_the_others(joined, tmp_path):
    run = joined.load()
    render_report(run, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/pooled.csv")
    assert not set(table.columns) & {"harm_model", "k_cases", "judged_share"}
    added = table[table["frame"].eq("denominator and case_series")]
    assert len(added) == len(table) - sum(len(fit.pooled) for fit in run.fits) == 18
    assert set(added["outcome"]) == {"harm", WHOLE}
    assert added["model"].tolist() == ["rates"] * 6 + ["by_failure_type"] * 12
    assert not table.duplicated(["model", "outcome", "group", "estimand"]).any()
    chain = pd.read_csv(tmp_path / "out/chain.csv")
    assert chain["k_cases"].tolist() == [139] * 18
    np.testing.assert_allclose(chain["median"], added["median"])
    correlations = pd.read_csv(tmp_path / "out/chain_correlation.csv")
    assert len(correlations) == 27
    results = json.loads((tmp_path / "out/results.json").read_text())
    assert len(results["pooled"]["data"]) == len(table)
    assert results["chains"]["rates"]["transport"]["sigma"] == 0.5
    with (tmp_path / "out/diagnostics.csv").open() as file:
        checks = [r for r in csv.DictReader(file) if r["check"] == "chain_r_hat"]
    assert [check["model"] for check in checks] == ["rates", "by_failure_type"]
    assert {"chain r hat"} <= set(re.findall(r"chain r hat", section_of(
        (tmp_path / "out/index.html").read_text(), "diagnostics")))  # fmt: skip


def test_what_stands_behind_each_number_is_said(joined):
    text = text_of(render_page(joined.load()))
    assert "118 arms of 26 studies with a denominator" in text
    assert "139 cases of 5 lists, which were written up because something failed" in text
    assert text.count("139 cases of 5 lists64%") == 3
    assert text.count("26 studies, 139 cases67%") == 3
    assert "71% is that of the priors of notoriety and transport" in text


def test_the_product_is_not_called_bare_for_want_of_direct_observation(joined):
    """No study observes the product with harm; arms and cases behind it are data all the same."""
    source = render_page(joined.load())
    assert "no data" not in section_of(source, "harm")
    assert "stroke-dasharray" not in section_of(source, "harm")


def test_rows_of_both_in_one_table_each_say_what_they_lack(joined):
    """As a terminal reads them: other rows have no cases, and are not called bare for that."""
    change(joined.chains[0], "all", "harm", k_cases=0)
    run = joined.load()
    both = pd.concat([run.fits[0].pooled, run.chains[0].pooled], ignore_index=True)
    found = index_estimates([both])
    said = {e.outcome: e.no_data for e in found.values() if e.group == "all"}
    assert said.pop("harm") == NO_CASE
    assert set(said.values()) == {""}
    assert WHOLE in said


def test_levels_without_an_arm_or_a_case_say_so(joined):
    folder = joined.chains[1]
    change(folder, GROUPS[0], None, k_cases=0)
    change(folder, GROUPS[1], WHOLE, k_rows=0, k_studies=0)
    source = render_page(joined.load())
    cells = dict(re.findall(r'<td [^>]*data-key="([^"]*)">(.*?)</td>',
                            section_of(source, "harm"), re.DOTALL))  # fmt: skip
    said = {key: re.findall("no data: [a-z ]*", cell) for key, cell in cells.items()}
    for outcome in ("harm", WHOLE):
        assert said[f"by_failure_type/{outcome}/{GROUPS[0]}/rate_mean"] == [NO_CASE]
    assert said[f"by_failure_type/{WHOLE}/{GROUPS[1]}/rate_new"] == [NO_ARM]
    assert said[f"by_failure_type/harm/{GROUPS[1]}/rate_new"] == []
    assert said["rates/harm/all/rate_mean"] == []
    text = text_of(source)
    assert "26 studies, no case" in text
    assert "no study, 139 cases" in text
    # Few imputed code sets have an arm there, so that the average number of studies rounds to 0.
    change(folder, GROUPS[1], WHOLE, k_rows=3, k_studies=0)
    assert "<1 study, 139 cases" in text_of(render_page(joined.load())).replace("&lt;", "<")


def test_a_level_that_harm_does_not_have_is_shown_as_empty(joined):
    folder = joined.chains[1]
    table = pd.read_csv(folder / "pooled.csv")
    table[table["group"].eq(GROUPS[0])].to_csv(folder / "pooled.csv", index=False)
    section = harm_section(joined.load())
    lines = [line for line in section.parts[1].lines if "goal misgeneralization" in line.heading]
    assert [line.outcome for line in lines] == ["harm", WHOLE]
    assert {line.behind for line in lines} == {NO_CASE}
    assert {line.cells for line in lines} == {(None, None)}
    assert NO_CASE in text_of(render_page(joined.load()))


def test_the_table_of_correlations_shows_the_numbers_of_the_file(joined):
    first = harm_section(joined.load()).parts[0].correlations
    assert first.columns == ("Correlation", "-0.5", "0", "its prior")
    assert [line[0] for line in first.lines] == ["Average over studies", "A new study"]
    assert first.lines[0][1:] == ("4% (1% to 12%)", "5% (2% to 16%)", "22% (7% to 64%)")


def test_the_product_under_its_prior_is_rounded_as_in_the_table_above(joined):
    folder = joined.chains[0]
    pooled = pd.read_csv(folder / "pooled.csv")
    chosen = pooled["outcome"].eq(WHOLE) & pooled["estimand"].eq("rate_mean")
    numbers = {"median": 0.045, "ci_low": 0.007, "ci_high": 0.168}
    pooled.loc[chosen, [*numbers, "mcse_mean"]] = [*numbers.values(), 0.0008]
    pooled.to_csv(folder / "pooled.csv", index=False)
    under = pd.read_csv(folder / "correlation.csv", dtype={"correlation": str})
    own = under["correlation"].eq("lkj") & under["estimand"].eq("rate_mean")
    under.loc[own, list(numbers)] = list(numbers.values())
    under.to_csv(folder / "correlation.csv", index=False)
    part = harm_section(joined.load()).parts[0]
    (shown,) = (line.cells[0] for line in part.lines if line.outcome == WHOLE)
    assert part.correlations.lines[0][-1] == f"{shown.shown} ({shown.interval})"
    assert "." not in shown.shown


def test_priors_are_said_as_they_were(joined):
    text = text_of(render_page(joined.load()))
    # exp(1), and exp(1 -+ 1.96 x 0.75); exp(-+1.96 x 0.5).
    assert "median 2.7 (95% from 0.6 to 12)" in text
    assert "No direction is known" in text
    assert "median 1.0 (95% from 0.4 to 2.7)" in text
    # Of LKJ(2) the distribution function is (3 r - r^3 + 2) / 4, which is 0.025 at -0.81.
    assert "LKJ(2), 95% of it between -0.81 and 0.81" in text
    below = (3 * -0.811 - (-0.811) ** 3 + 2) / 4
    assert below == pytest.approx(0.025, abs=5e-4)
    assert math.exp(1 - 1.96 * 0.75) == pytest.approx(0.6, abs=0.05)


def test_priors_that_differ_between_chains_are_said_of_each(full):
    add_chain(full, "rates", ["all"])
    other = {"distribution": "normal", "mu": 0.5, "sigma": 0.75, "offsets": [0.0]}
    moved = {"distribution": "normal", "mu": 0.7, "sigma": 0.1}
    add_chain(full, "by_failure_type", GROUPS, notoriety=other, transport=moved)
    run = full.load()
    text = text_of(render_page(run))
    assert "median 2.7 (95% from 0.6 to 12). (rates)" in text
    assert "median 1.6 (95% from 0.4 to 7.2). (by failure type)" in text
    assert "A direction is assumed: the odds are multiplied by a factor whose prior" in text
    assert len(joinings(run.chains)) == 2


def test_a_failed_check_stamps_what_it_is_of(joined):
    write_checks(joined.chains[1], "by_failure_type", passed=False)
    run = joined.load()
    assert [(c.model, c.check) for c in failed_checks(run)] == [("by_failure_type", "chain_r_hat")]
    figures = re.findall(r"<svg.*?</svg>", section_of(render_page(run), "harm"), re.DOTALL)
    stamped = {re.search(r"(fig-[a-z-]*)-title", f).group(1) for f in figures if STAMP in f}
    assert stamped == {"fig-harm-by-failure-type"}
    # A composition that failed stamps both chains, whose harm it is.
    write_checks(joined.chains[1], "by_failure_type", passed=True)
    joined.checks("composition", passed=False)
    page = section_of(render_page(joined.load()), "harm")
    assert page.count(STAMP) == 2


def test_without_a_chain_the_page_says_so_and_writes_no_file(full, tmp_path):
    run = full.load()
    render_report(run, tmp_path)
    source = (tmp_path / "index.html").read_text()
    assert "not in this evidence base" in text_of(source)
    assert not list(tmp_path.glob("chain*"))
    # The page of methods keeps the place that others link to.
    assert "No rates are joined to harm" in (tmp_path / "methods.html").read_text()
    assert "cannot be multiplied into the chain above" in text_of(source, "composition")
    assert "With harm joins" not in text_of(source, "composition")
    (limit,) = [limit for limit in limits_of(run) if limit.name == "harm"]
    assert "With harm" not in limit.text


def test_limits_and_composition_say_how_harm_was_joined(joined):
    run = joined.load()
    text = text_of(render_page(run), "composition")
    assert "With harm joins this model's harm to it draw by draw, under priors" in text
    (limit,) = [limit for limit in limits_of(run) if limit.name == "harm"]
    assert limit.lead == "No study with a denominator measures harm."
    assert "rests on priors" in limit.text


def test_the_joining_is_written_with_the_priors_of_the_run(joined, tmp_path):
    run = joined.load()
    (one,) = joinings(run.chains)
    assert one.models == (
        "“rates” with harm of “composition”, “by failure type” with harm of “composition”"
    )
    latex = " ".join(line.latex for line in one.equations)
    for part in (r"\text{Normal}(1, 0.75^2)", r"\text{Normal}(0, 0.5^2)", r"\text{LKJ}(2)",
                 r"- \lambda + \xi", r"R_{CH} = r \rho"):  # fmt: skip
        assert part in latex
    render_report(run, tmp_path)
    page = (tmp_path / "methods.html").read_text()
    assert 'href="methods.html#harm-chain"' in (tmp_path / "index.html").read_text()
    for line in one.equations:
        assert line.words in page.replace("&#39;", "'")
        assert f'<div class="math" tabindex="0">{mathml(line.latex)}</div>' in page
