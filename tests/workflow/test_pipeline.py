"""The whole pipeline on a small evidence base: results, idempotence, staleness, failures."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from zipfile import ZipFile

import arviz as az
import numpy as np
import pandas as pd
import pytest

from tests.workflow.conftest import Pipeline, small_pipeline

pytestmark = pytest.mark.pipeline

CONTRACT = [
    "model", "primary", "outcome", "group", "estimand", "mean", "sd", "median", "ci_low",
    "ci_high", "ci_prob", "mcse_mean", "ess_bulk", "ess_tail", "r_hat", "k_studies", "k_rows",
    "n_trials", "frame", "passed", "prior_median", "prior_ci_low", "prior_ci_high", "contraction",
    "k_direct",
]  # fmt: skip


@pytest.fixture
def pooled(finished: Pipeline) -> pd.DataFrame:
    return pd.read_csv(finished.base / "reports" / "pooled.csv")


def test_pooled_has_the_contract_and_passes(pooled: pd.DataFrame) -> None:
    assert pooled.columns.tolist() == CONTRACT
    assert pooled["passed"].all()
    # Every number has its prior; where nothing varies before the data there is no contraction.
    assert pooled["prior_median"].notna().all()
    assert (pooled["contraction"] < 1).all()
    assert set(pooled["model"]) == {"rates", "composition"}
    of_rates = pooled[pooled["model"] == "rates"]
    harm = of_rates["outcome"].isin(["harm", "harmful_misgeneralization"])
    assert of_rates.loc[~harm, "frame"].unique().tolist() == ["denominator"]
    assert of_rates.loc[harm, "frame"].unique().tolist() == ["denominator and case_series"]
    assert pooled.loc[pooled["model"] == "composition", "frame"].unique() == ["case_series"]
    keys = ["model", "outcome", "group", "estimand"]
    assert not pooled.duplicated(keys).any()
    rates = pooled[pooled["model"] == "rates"].set_index(["outcome", "group", "estimand"])
    for outcome in ("capability_transfer", "goal_failure", "capable_goal_failure"):
        for estimand in ("rate_typical", "rate_mean", "rate_new", "rate_new_arm"):
            assert 0 < rates.loc[(outcome, "all", estimand), "mean"] < 1
    ordered = (pooled["ci_low"] <= pooled["median"]) & (pooled["median"] <= pooled["ci_high"])
    assert ordered.all()


def test_only_the_rows_that_may_be_pooled_are(pooled: pd.DataFrame) -> None:
    rates = pooled[pooled["model"] == "rates"].set_index(["outcome", "group", "estimand"])
    goal = rates.loc[("goal_failure", "all", "rate_mean")]
    # 12 arms less a control, a conditioned one and a neighbouring type.
    assert (goal["k_studies"], goal["k_rows"]) == (6, 9)
    assert goal["n_trials"] == 95 + 90 + 48 + 40 + 40 + 25 + 30 + 17 + 50
    capability = rates.loc[("capability_transfer", "all", "rate_mean")]
    assert (capability["k_studies"], capability["k_rows"]) == (3, 4)
    assert ("capability_transfer", "study=carol_2024", "study_rate") not in rates.index


def test_composition_counts_agreed_codes_only(finished: Pipeline) -> None:
    cells = pd.read_parquet(finished.base / "data/processed/analysis/composition.parquet")
    totals = cells.drop(columns="row_id").select_dtypes("number").sum()
    # K06 is no observed behaviour, K07 is not agreed on goal failure, K03 not on harm.
    assert totals["n_units"] == 6
    assert (totals["events_goal_failure"], totals["trials_goal_failure"]) == (5, 5)
    assert totals["unresolved_goal_failure"] == 1
    assert (totals["events_harm"], totals["trials_harm"]) == (1, 4)
    assert totals["unresolved_harm"] == 1


def test_posterior_opens_with_arviz_and_holds_every_group(finished: Pipeline) -> None:
    path = finished.base / "data/processed/fits/rates/posterior.nc"
    tree = az.from_netcdf(path)
    assert {
        "posterior", "sample_stats", "prior", "prior_predictive", "posterior_predictive",
        "log_likelihood", "observed_data", "constant_data",
    } <= set(tree.children)  # fmt: skip
    assert dict(tree["posterior"].sizes)["chain"] == 4
    assert np.isfinite(tree["log_likelihood"]["counts"]).all()
    record = json.loads((path.parent / "fit.json").read_text())
    assert record["passed"] is True
    assert record["checks"]["divergences"] == {
        "value": 0.0, "threshold": 0.0, "rule": "<=", "passed": True, "worst": "",
    }  # fmt: skip
    for key in ("spec_hash", "data_hash", "seed", "sampler", "versions", "times", "provenance"):
        assert record[key], key
    assert record["versions"]["pymc"]


def test_draws_multiply_to_the_pooled_product(finished: Pipeline, pooled: pd.DataFrame) -> None:
    draws = pd.read_parquet(finished.base / "data/processed/fits/rates/draws.parquet")
    product = draws["capability_transfer/all/rate_typical"] * draws["goal_failure/all/rate_typical"]
    row = pooled.query(
        "model == 'rates' and outcome == 'capable_goal_failure' and estimand == 'rate_typical'"
    ).iloc[0]
    assert product.mean() == pytest.approx(row["mean"], rel=5e-5)
    assert product.median() == pytest.approx(row["median"], rel=5e-5)


def test_harm_of_the_cases_is_joined_to_the_rates(finished: Pipeline, pooled: pd.DataFrame) -> None:
    folder = finished.base / "data/processed/chains/rates"
    draws = pd.read_parquet(folder / "draws.parquet")
    # Any pairing is joint: the mean of the product of independent fits is the product of means.
    rates = pooled.query(
        "model == 'rates' and outcome == 'capable_goal_failure' and estimand == 'rate_typical'"
    ).iloc[0]
    harm = draws["harm/all/rate_typical"]
    whole = draws["harmful_misgeneralization/all/rate_typical"]
    assert whole.mean() == pytest.approx(rates["mean"] * harm.mean(), rel=0.05)
    table = pd.read_csv(finished.base / "reports/chain.csv")
    assert table["harm_model"].unique().tolist() == ["composition"]
    shown = pooled[pooled["frame"] == "denominator and case_series"]
    np.testing.assert_allclose(shown["median"], table["median"])
    assert set(shown["outcome"]) == {"harm", "harmful_misgeneralization"}
    row = shown.query("outcome == 'harmful_misgeneralization' and estimand == 'rate_typical'")
    assert whole.median() == pytest.approx(row["median"].item(), rel=5e-5)
    # The arms and studies of the product are those of the rates; no study observes it.
    assert row[["k_studies", "k_rows", "k_direct"]].to_numpy().tolist() == [[6, 9, 0]]
    checks = pd.read_csv(finished.base / "reports/diagnostics.csv")
    assert "chain_r_hat" in set(checks.loc[checks["model"] == "rates", "check"])
    assert 'id="fig-harm-rates-title"' in (finished.base / "reports/index.html").read_text()


def test_snakemake_takes_the_report_in(finished: Pipeline, tmp_path: Path) -> None:
    """Pages, tables, figures and summary, whole, in a document that asks for no other file."""
    made = tmp_path / "report.zip"
    done = finished.snakemake("--nolock", "--report", str(made))
    assert done.returncode == 0, done.stderr
    reports = finished.base / "reports"
    with ZipFile(made) as archive:
        held = {name.split("/", 4)[-1]: archive.read(name) for name in archive.namelist()
                if "/data/raw/" in name}  # fmt: skip
        page = archive.read("report/report.html").decode()
    pages = {path.name for path in reports.glob("*.html")}
    drawn = {path.name for path in (reports / "figures").rglob("*.svg")}
    tables = {path.name for path in reports.glob("*.csv")}
    assert set(held) == pages | drawn | tables | {"summary.md"}
    for name in (*pages, *tables, "summary.md"):
        assert held[name] == (reports / name).read_bytes(), name
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=[\"']https?:", page)
    assert "What failed a check is stamped" in page


def test_results_json_holds_the_same_numbers(finished: Pipeline, pooled: pd.DataFrame) -> None:
    results = json.loads((finished.base / "reports/results.json").read_text())
    assert results["passed"] is True
    stored = pd.DataFrame(**results["pooled"])
    assert stored.columns.tolist() == pooled.columns.tolist()
    np.testing.assert_allclose(stored["mean"], pooled["mean"])


def test_second_run_has_nothing_to_do(changeable: Pipeline) -> None:
    done = changeable.snakemake()
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) >= 1, (path, old)
    path.write_text(text.replace(old, new, 1))


@pytest.fixture
def changeable(finished: Pipeline, tmp_path: Path) -> Pipeline:
    """A finished run that a test may change."""
    folder = tmp_path / "copy"
    shutil.copytree(finished.checkout.parent, folder, symlinks=True)
    return Pipeline(folder / "checkout", folder / "base")


def test_a_note_refits_nothing_and_then_nothing_is_left(changeable: Pipeline) -> None:
    edit(changeable.base / "data/raw/arms.csv", "zero events", "no events at all")
    planned = changeable.planned()
    assert "warehouse" in planned
    assert not planned & {"fit", "diagnose"}
    before = (changeable.base / "reports/pooled.csv").read_bytes()
    done = changeable.snakemake()
    assert done.returncode == 0, done.stderr
    assert "rule fit:" not in done.stdout + done.stderr
    assert (changeable.base / "reports/pooled.csv").read_bytes() == before
    assert changeable.planned() == set()


def test_a_changed_code_refits_the_codes_and_the_models_that_read_them(
    changeable: Pipeline,
) -> None:
    edit(
        changeable.base / "data/raw/codings.csv",
        "K05,coder_b,1,yes,yes,none",
        "K05,coder_b,1,yes,yes,severe",
    )
    done = changeable.snakemake("--dry-run")
    text = done.stdout + done.stderr
    assert text.count("\nrule codes:") == 1
    assert text.count("\nrule fit:") == 1
    assert "output: data/processed/fits/composition/posterior.nc" in text


def test_a_changed_title_changes_the_list_of_disagreements_and_no_code(
    changeable: Pipeline,
) -> None:
    edit(changeable.base / "data/raw/cases.csv", "Boat loops", "Boat goes round")
    planned = changeable.planned()
    assert {"agreement", "report"} <= planned
    assert not planned & {"codes", "fit", "diagnose"}


def test_codes_are_reported_and_gated(finished: Pipeline) -> None:
    reports = finished.base / "reports"
    agreement = pd.read_csv(reports / "agreement.csv")
    assert {"capability_transfer", "goal_failure", "harm"} == set(agreement["field"])
    listed = pd.read_csv(reports / "disagreements.csv")
    assert listed["unit_id"].tolist() == ["K03", "K07", "K02"]
    assert "coder_a" in (reports / "disagreements.html").read_text()
    effect = pd.read_csv(reports / "disagreement_effect.csv")
    assert set(effect["model"]) == {"composition"}
    assert effect["between_share"].between(0, 1).all()
    assert "codes_harm" in set(pd.read_csv(reports / "diagnostics.csv")["model"])
    tree = az.from_netcdf(finished.base / "data/processed/fits/composition/posterior.nc")
    assert np.unique(tree["posterior"]["imputation"]).size == 8


def test_fits_are_checked_against_data_and_gated(finished: Pipeline) -> None:
    for model in ("rates", "composition"):
        folder = finished.base / "data/processed/checks" / model
        gates = pd.read_csv(folder / "diagnostics.csv")
        wanted = "loo_pit" if model == "rates" else "posterior_predictive_computed"
        assert wanted in set(gates["check"])
        assert set(gates["model"]) == {model}
        assert gates["passed"].all()
        # An exact refit for each study of the primary that importance sampling cannot leave out.
        loo = pd.read_csv(folder / "leave_one_out.csv")
        if model == "rates":
            assert loo.loc[loo["pareto_k"] > loo["limit"], "method"].eq("refit").all()
    shown = pd.read_csv(finished.base / "reports/diagnostics.csv")
    assert {"loo_pit", "r_hat"} <= set(shown.loc[shown["model"] == "rates", "check"])
    page = (finished.base / "reports/diagnostics.html").read_text()
    assert "LOO-PIT" in page
    assert "diagnostics.html" in (finished.base / "reports/index.html").read_text()


@pytest.mark.parametrize(
    ("path", "rerun", "kept"),
    [
        ("src/meta/models/chain.py", {"fit", "diagnose", "report"}, {"warehouse"}),
        ("src/meta/estimands/population.py", {"diagnose", "report"}, {"fit", "warehouse"}),
        ("src/meta/estimands/harm_chain.py", {"chain", "report"}, {"fit", "diagnose"}),
        ("src/meta/checks/loo_pit.py", {"check_fit", "report"}, {"fit", "diagnose", "warehouse"}),
        ("src/meta/report/pages.py", {"report"}, {"fit", "diagnose", "check_fit", "warehouse"}),
        ("src/meta/checks/gate.py", {"gate"}, {"fit", "diagnose", "report"}),
    ],
)
def test_changed_code_reruns_exactly_what_imports_it(
    changeable: Pipeline, path: str, rerun: set[str], kept: set[str]
) -> None:
    file = changeable.checkout / path
    file.write_text(file.read_text() + "\n# changed\n")
    planned = changeable.planned()
    assert rerun <= planned
    assert not kept & planned


def test_a_changed_template_rerenders_only(changeable: Pipeline) -> None:
    template = next((changeable.checkout / "src/meta/report/templates").glob("index*"))
    template.write_text(template.read_text() + "<!-- changed -->")
    assert changeable.planned() == {"report", "gate"}


def test_changed_code_and_a_changed_note_together_still_refit(changeable: Pipeline) -> None:
    """Below a job that reruns, Snakemake does not look at changed params: stamps must."""
    edit(changeable.base / "data/raw/arms.csv", "zero events", "none")
    chain = changeable.checkout / "src/meta/models/chain.py"
    chain.write_text(chain.read_text() + "\n# changed\n")
    assert {"warehouse", "fit", "diagnose"} <= changeable.planned()
    chain.write_text(chain.read_text().removesuffix("\n# changed\n"))
    estimands = changeable.checkout / "src/meta/estimands/population.py"
    estimands.write_text(estimands.read_text() + "\n# changed\n")
    planned = changeable.planned()
    assert "diagnose" in planned
    assert "fit" not in planned


def test_too_few_draws_fail_the_gate_by_name_and_leave_a_stamped_draft(tmp_path: Path) -> None:
    pipeline = small_pipeline(tmp_path)
    for path in (pipeline.base / "data/raw").iterdir():
        # Rates alone, which takes less time.
        if path.name not in ("studies.csv", "arms.csv"):
            path.unlink()
    settings = pipeline.base / "config/config.yaml"
    edit(settings, "draws: 2500", "draws: 50")
    edit(settings, "tune: 1000", "tune: 50")
    # Of a model that is not fitted, and no exact refits: neither decides what is tested here.
    edit(settings, "sensitivity:\n", "sensitivity:\n  models: [types]\n")
    edit(
        settings,
        "models:\n  rates:",
        "checks: {refit_models: []}\nmodels:\n"
        "  types:\n    stages: [goal_failure]\n    moderators: [failure_type]\n"
        "    filter: {failure_type: [specification_gaming]}\n  rates:",
    )
    done = pipeline.snakemake()
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert "rates: ess_bulk: value" in text
    assert "wanted >= 400" in text
    record = json.loads((pipeline.base / "data/processed/fits/rates/fit.json").read_text())
    assert record["passed"] is False
    diagnostics = pd.read_csv(pipeline.base / "reports/diagnostics.csv")
    assert not diagnostics["passed"].all()
    assert "not converged: do not cite" in (pipeline.base / "reports/index.html").read_text()
    assert not pd.read_csv(pipeline.base / "reports/pooled.csv")["passed"].all()
    assert not (pipeline.base / "data/processed/gate.txt").exists()


BAD_ROWS = """\
X01,fox_2026,specification_gaming,list,llm,,run,10,,,10,3,case_series,main,B,
X02,fox_2026,specification_gaming,list,llm,,run,10,,all_trials,10,11,denominator,main,B,
X03,nobody_2020,specification_gaming,list,llm,,run,10,,all_trials,10,3,denominator,main,B,
X04,fox_2026,specification_gaming,list,llm,,run,12o,,all_trials,10,3,denominator,main,B,
"""


def test_bad_rows_stop_the_run_with_the_list_and_no_warehouse(finished: Pipeline, tmp_path) -> None:
    pipeline = Pipeline(finished.checkout, tmp_path / "bad")
    # Of a base that was built before, the old database stays (see test_evidence_rules).
    shutil.copytree(finished.base, pipeline.base, ignore=shutil.ignore_patterns("processed"))
    arms = pipeline.base / "data/raw/arms.csv"
    arms.write_text(arms.read_text() + BAD_ROWS)
    checked = pipeline.meta("check", ".")
    assert checked.returncode == 1
    problems = [
        "data/raw/arms.csv:14: sampling_frame: case_series",
        "data/raw/arms.csv:15: n_goal_failure: 11",
        "data/raw/arms.csv:16: study_id: nobody_2020",
        "data/raw/arms.csv:17: n_trials: 12o",
    ]
    for problem in problems:
        assert problem in checked.stdout
    assert "4 errors" in checked.stdout
    as_json = pipeline.meta("check", ".", "--format", "json")
    assert as_json.returncode == 1
    assert "12o" in as_json.stdout
    done = pipeline.snakemake()
    text = done.stdout + done.stderr
    assert done.returncode != 0
    for problem in problems:
        assert problem in text
    assert "Traceback" not in text
    assert not (pipeline.base / "data/processed/evidence.duckdb").exists()


def test_a_base_of_studies_and_arms_alone_runs_with_shipped_models_and_a_partial_config(
    finished: Pipeline, tmp_path: Path
) -> None:
    """Models that this base cannot support are skipped, and the report says why."""
    pipeline = Pipeline(finished.checkout, tmp_path / "two tables")
    raw = pipeline.base / "data/raw"
    raw.mkdir(parents=True)
    shutil.copy(finished.base / "data/raw/studies.csv", raw)
    arms = pd.read_csv(finished.base / "data/raw/arms.csv", dtype=str, keep_default_na=False)
    kept = ["arm_id", "study_id", "failure_type", "unit", "n_trials", "n_at_risk", "n_goal_failure",
            "sampling_frame", "role", "grade"]  # fmt: skip
    gaming = arms["failure_type"] == "specification_gaming"
    arms.loc[gaming, kept].to_csv(raw / "arms.csv", index=False)
    (pipeline.base / "config").mkdir()
    (pipeline.base / "config/config.yaml").write_text(
        # Of a model that is not fitted: no sensitivity is analysed, which takes a while.
        "sensitivity: {models: [types]}\n" + "checks: {refit_models: []}\n"
        "models:\n  only_goal:\n    primary: true\n    stages: [goal_failure]\n"
        "    likelihood: beta_binomial\n  types:\n    stages: [goal_failure]\n"
        "    moderators: [failure_type]\n  catalogue:\n    frame: case_series\n"
        "    stages: [goal_failure]\n    levels: [source_list]\n"
    )
    done = pipeline.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    pooled = pd.read_csv(pipeline.base / "reports/pooled.csv")
    assert set(pooled["model"]) == {"only_goal"}
    assert set(pooled["outcome"]) == {"goal_failure"}
    page = (pipeline.base / "reports/index.html").read_text()
    assert "The model types was not fitted." in page
    assert "the moderator failure_type is constant" in page
    assert "needs the tables cases and codings" in page


def test_a_setting_that_does_not_exist_stops_the_parse_with_a_hint(finished, tmp_path) -> None:
    pipeline = Pipeline(finished.checkout, tmp_path / "typo")
    shutil.copytree(finished.base / "data/raw", pipeline.base / "data/raw")
    (pipeline.base / "config").mkdir()
    (pipeline.base / "config/config.yaml").write_text("sampler: {drawz: 10}\n")
    done = pipeline.snakemake()
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert "sampler.drawz: unknown key; did you mean draws?" in text
    assert "Traceback" not in text
