"""The section on agreement and the page of disagreements."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pandas as pd
import pytest

from meta.claims.audit import audit
from meta.report.agreement import coders_sentence, codes_behind, load_codes
from meta.report.pages import render_page, render_report
from meta.report.risk_page.results import load_risk
from tests.claims.tables import NO_SUMS, claims, comparisons, estimates
from tests.report.made_up_risk import risk_basis, stored

RATIONALE = "<script>alert(1)</script> & so on"


@pytest.fixture
def run(full, tmp_path):
    folder = tmp_path / "codes"
    folder.mkdir()
    row = {
        "field": "harm", "kind": "case", "unclear": "missing", "scale": "ordinal", "coders": 2,
        "units": 30, "clusters": 28, "raw": 0.9, "raw_low": 0.8, "raw_high": 0.97, "alpha": None,
        "alpha_low": None, "alpha_high": None, "ac": 0.95, "ac_low": 0.9, "ac_high": 0.99,
        "adjudicated": 0, "adjudicated_with": "",
    }  # fmt: skip
    pd.DataFrame([row]).to_csv(folder / "agreement.csv", index=False)
    codes = [{"coder": c, "code": v, "confidence": "low", "rationale": RATIONALE}
             for c, v in (("a", "none"), ("b", "severe"))]  # fmt: skip
    dispute = {
        "unit_id": "A1", "kind": "arm", "study": "s_2020", "title": "<b>arm</b>", "field": "harm",
        "models": "composition", "steps": 3.0, "settled": "", "priority": 0.4,
        "codes": codes, "probabilities": [["none", 0.6], ["severe", 0.4]],
    }  # fmt: skip
    case = {"unit_id": "K1", "kind": "case", "source": "https://example.org/case"}
    rows = [dispute, {**dispute, "unit_id": "A2"}, {**dispute, **case}]
    listed = {"coders": {"a": "machine_assisted", "b": "undescribed"}, "rows": rows}
    (folder / "disagreements.json").write_text(json.dumps(listed))
    sensitivity = {"likeliest_code_changes": 1}
    entry = {"units": 30, "items": 28, "unsure_units": 4, "sensitivity": sensitivity}
    (folder / "codes.json").write_text(json.dumps({"fields": {"harm": entry}}))
    checks = {"model": "codes_harm", "check": "r_hat", "value": 1.002, "threshold": 1.01,
              "passed": True, "worst": "", "meaning": "chains agree"}  # fmt: skip
    pd.DataFrame([checks]).to_csv(folder / "diagnostics.csv", index=False)
    path = full.folder / "fits" / "composition" / "fit.json"
    record = json.loads(path.read_text())
    spans = {f"{s}_{p}": 0.2 for s in ("within", "combined") for p in ("low", "median", "high")}
    effect = {"outcome": "harm", "group": "all", "estimand": "rate_mean", "between_share": 0.25,
              **dict.fromkeys(("agreed_low", "agreed_median", "agreed_high")), **spans}  # fmt: skip
    record["imputation"] = {"effect": [effect]}
    path.write_text(json.dumps(record))
    loaded = full.load()
    study = {"study_id": "s_2020", "title": "S", "year": 2020,
             "url_or_id": "https://example.org/s_2020"}  # fmt: skip
    studies = pd.concat([loaded.studies, pd.DataFrame([study])], ignore_index=True)
    return replace(loaded, codes=load_codes(folder), studies=studies)


def test_the_files_are_written_and_text_is_escaped(run, tmp_path) -> None:
    render_report(run, tmp_path / "reports")
    page = (tmp_path / "reports" / "disagreements.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; so on" in page
    # Arms coded alike are one question, and each unit leads to its source.
    study = '<a href="https://example.org/s_2020" rel="noopener noreferrer">'
    assert f"{study}A1</a>, {study}A2</a>: " in page
    assert '<a href="https://example.org/case" rel="noopener noreferrer">K1</a>' in page
    assert "3 disagreements, as 2 questions for a meeting" in page
    assert page.count('<article class="dispute">') == 2
    assert "3 steps apart" in page
    # Links may be followed; nothing is requested.
    assert not re.search(r"\b(src|srcset|action)=|@import|url\(", page)
    flat = pd.read_csv(tmp_path / "reports" / "disagreements.csv")
    assert flat["b_code"].tolist() == ["severe"] * 3
    effect = pd.read_csv(tmp_path / "reports" / "disagreement_effect.csv")
    assert effect[["model", "between_share"]].to_numpy().tolist() == [["composition", 0.25]]
    assert "codes_harm" in (tmp_path / "reports" / "diagnostics.csv").read_text()


def test_what_unclear_is_to_the_model_is_said(run, tmp_path) -> None:
    """Of a code and an unclear, the likeliest code may be a third."""
    other = run.codes.disagreements[2]
    codes = [
        {**code, "code": v} for code, v in zip(other["codes"], ("none", "unclear"), strict=True)
    ]
    likely = [["minor", 0.5], ["none", 0.4]]
    rows = [*run.codes.disagreements[:2], {**other, "codes": codes, "probabilities": likely}]
    render_report(replace(run, codes=replace(run.codes, disagreements=rows)), tmp_path / "reports")
    page = (tmp_path / "reports" / "disagreements.html").read_text()
    assert "Probability that the true code is: none 60%, severe 40%.</p>" in page
    assert (
        "Probability that the true code is: minor 50%, none 40%. Unclear counts as no answer."
        in page
    )
    lead = page[page.index('<p class="lead">') : page.index("<main ")]
    assert "unclear is no code but a missing answer" in lead


def test_the_page_shows_agreement_and_says_what_it_is_not(run) -> None:
    page = render_page(run)
    assert "Agreement is not truth" in page
    assert "a (machine assisted), b (undescribed)" in page
    assert "not defined" in page
    assert "not fitted" in page
    assert 'href="disagreements.html"' in page
    assert "3 disagreements (2 questions)" in page
    assert "arms of one study that were coded alike are one question" in page
    part = section(page, '<section id="agreement">', "</section>")
    # The table is not folded, and stands between what disagreement adds and the latent codes.
    folded = re.findall(r"<details>.*?</details>", part, re.DOTALL)
    assert not any("Alpha" in text for text in folded)
    places = [
        part.index(t) for t in ("against imputed codes", "Agreement by field", "Latent codes")
    ]
    assert places == sorted(places)


def test_a_failed_check_of_the_codes_stamps_the_report(run) -> None:
    assert "not converged: do not cite" not in render_page(run)
    bad = run.codes.diagnostics.assign(passed="False")
    page = render_page(replace(run, codes=replace(run.codes, diagnostics=bad)))
    assert "not converged: do not cite" in page
    assert "codes harm" in page or "codes_harm" in page


def test_without_codings_the_section_says_so(full, tmp_path) -> None:
    render_report(full.load(), tmp_path)
    assert not (tmp_path / "disagreements.html").exists()
    page = render_page(full.load())
    section = page[page.index('<section id="agreement">') :]
    assert "Not in this evidence base." in section[: section.index("</section>")]


def test_coders_are_flagged() -> None:
    both = coders_sentence({"a": "machine_assisted", "b": "machine_assisted"})
    assert "2 of the 2 coders are machines or assisted by one" in both
    assert "No code is adjudicated" in both
    people = coders_sentence({"a": "human", "b": "human", "adjudicated": "human"})
    assert people == "Coded by a (human), b (human)."


def section(page: str, start: str, end: str) -> str:
    begin = page.index(start)
    return page[begin : page.index(end, begin + 1)]


def test_machine_coders_are_flagged_wherever_a_model_reads_codes(run, full, tmp_path) -> None:
    machines = "by a (machine assisted), b (undescribed); none adjudicated"
    full.fit("by_shift_type", ("goal_failure",), groups=["shift_type=none"])
    path = full.folder / "fits" / "by_shift_type" / "fit.json"
    record = json.loads(path.read_text())
    record["spec"]["moderators"] = ["shift_type"]
    record["imputation"] = {"imputations": 3}
    path.write_text(json.dumps(record))
    both = replace(full.load(), codes=run.codes)
    page = render_page(both)
    moderator = section(page, "<summary>By shift type", "</section>")
    assert machines in moderator
    assert "Fitted to 3 imputed code sets" in moderator
    assert "leaves out that they are finitely many" in moderator
    assert machines in section(page, '<section id="composition">', "</section>")
    sensitivity = section(page, '<section id="sensitivity">', "</section>")
    assert f"by shift type read codes {machines}" in sensitivity
    whole = section(page, '<section id="chain">', '<section id="moderators">')
    assert "read codes" not in whole
    assert "reads codes" not in whole
    assert "leaves out that they are finitely many" in section(
        page, '<section id="agreement">', "</section>"
    )
    render_report(run, tmp_path / "flagged")
    effect = pd.read_csv(tmp_path / "flagged" / "disagreement_effect.csv")
    assert effect["coders"].tolist() == ["machine_assisted; undescribed"]


def test_pages_of_claims_and_of_risks_say_whose_codes_they_rest_on(run, tmp_path) -> None:
    table = audit(claims({}, {"value": 0.9}), NO_SUMS, estimates(), comparisons())
    of_codes = table.assign(model=["rates", "composition"])
    risks = load_risk(*stored(tmp_path / "risk", risk_basis()))
    render_report(replace(run, claims=of_codes, risk=risks), tmp_path / "coded")
    said = (
        "Numbers of 1 model that reads codes (composition) rest on codes by a (machine assisted), "
        "b (undescribed); none adjudicated."
    )
    for name in ("claims", "risk"):
        assert said in (tmp_path / f"coded/{name}.html").read_text()
    assert codes_behind(run, set(table["model"])) == ""
