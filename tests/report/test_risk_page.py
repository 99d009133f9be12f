"""The risk page: what it shows of a run's tables, escaped, offline, readable without JavaScript."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from meta.report.environment import environment
from meta.report.figure_files import PageFigures
from meta.report.pages import render_report
from meta.report.risk_page.page import risk_context
from meta.report.risk_page.parts import BASES
from meta.report.risk_page.results import RiskResults, load_risk
from meta.report.wording import COLOURS
from tests.report.conftest import Base
from tests.report.made_up_risk import information, risk_basis, sensitivity, stored
from tests.risk.small_basis import CLAIMS, small_basis


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> RiskResults:
    found = load_risk(*stored(tmp_path_factory.mktemp("risk"), risk_basis()))
    assert found is not None
    return found


def render(results: RiskResults, stamp: str = "") -> str:
    page = environment().get_template("risk.html.j2")
    failed = [stamp] if stamp else []
    context = risk_context(results, stamp)
    drawn = PageFigures("risk.html")
    return page.render(colours=COLOURS, stamp=stamp, failed=failed, drawn=drawn, **context)


@pytest.fixture(scope="module")
def html(results: RiskResults) -> str:
    return render(results)


def section(html: str, name: str) -> str:
    start = html.index(f'<section id="{name}">')
    return html[start : html.index("</section>", start)]


def text_of(html: str) -> str:
    plain = re.sub(r"<style>.*?</style>|<script.*?</script>|<svg.*?</svg>", " ", html, flags=re.S)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", plain)))


def cells(part: str, heading: str) -> list[str]:
    """Texts of the cells of the row with a heading."""
    for row in re.findall(r"<tr>(.*?)</tr>", part, flags=re.S):
        texts = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, flags=re.S)
        if text_of(texts[0]).startswith(f" {heading}") or text_of(texts[0]).startswith(heading):
            return [text_of(text).strip() for text in texts[1:]]
    raise AssertionError(f"no row {heading}")


def test_the_numbers_are_those_of_the_table_with_what_they_rest_on(
    html: str, results: RiskResults
) -> None:
    table = results.table.set_index(["kind", "profile", "outcome", "estimand"])
    row = table.loc[("shift_type", "significant", "harmful_misgeneralization", "rate_mean")]
    printed, average, new = cells(section(html, "shifts"), "Significant: capable, goal fails, harm")
    assert printed.startswith("22% printed C035")
    low, median, high = (100 * row[end] for end in ("low", "value", "high"))
    decimals = 1 if median < 10 else 0
    assert average.startswith(f"{median:.{decimals}f}% {low:.{decimals}f}% to")
    assert f"{high:.{decimals}f}% evidence judgement data’s share" in average
    assert "evidence judgement" in new
    stage = cells(section(html, "shifts"), "Significant: capability transfers")
    assert stage[0] == "55% printed C033" and "judgement" not in stage[1]
    harm = cells(section(html, "shifts"), "Significant: significant harm, given goal failure")
    assert harm[0] == "50% to 70% printed C039 C040"


@pytest.mark.parametrize(
    ("shift", "claim", "product"),
    [("Superficial", "C029", "5.1% to 7.1%"), ("Significant", "C035", "15.1% to 21.2%"),
     ("Extreme", "C038", "16.9% to 23.6%")],
)  # fmt: skip
def test_a_printed_base_is_not_called_a_product_of_its_stages(
    html: str, shift: str, claim: str, product: str
) -> None:
    part = section(html, "shifts")
    (base, *_) = cells(part, f"{shift}: capable, goal fails, harm")
    assert "printed" in base and "arithmetic" not in base
    assert base.endswith(f"{claim} as printed; its stages multiply to {product}")
    assert f'<a href="claims.html#{claim}">{claim}</a>' in part


def test_every_profile_of_the_table_is_on_the_page(html: str, results: RiskResults) -> None:
    text = text_of(html).lower()
    for name in results.table["profile"].unique():
        assert name.replace("_", " ") in text
    assert "AI assistants" in text_of(html)


def test_domains_show_the_printed_range_beside_the_formula(html: str) -> None:
    now, later = section(html, "domains").split("In 2026-2027")
    assert cells(now, "Autonomous agents")[:2] == [
        "25% to 45% printed", "37% 33% to 55% arithmetic",
    ]  # fmt: skip
    assert cells(later, "Autonomous agents")[0] == "40% to 60% printed"
    assert "significant to extreme shift, score 0.3" in text_of(now)


def test_a_product_above_one_is_said_to_be_none(html: str) -> None:
    (formula, *_) = cells(section(html, "periods"), "Post-2030")
    assert formula.startswith("39%") and "to 139%" in formula
    assert "exceeds 100%: no probability" in formula


def test_a_bar_that_is_cut_is_marked_with_its_end(html: str) -> None:
    drawn = {name: re.findall(r"cut at 100%: goes on to (\d+%)", section(html, name))
             for name in ("periods", "shifts")}  # fmt: skip
    assert set(drawn["periods"]) == {"139%"} and drawn["shifts"] == []


def test_flags_stand_in_words(html: str) -> None:
    text = text_of(section(html, "shifts"))
    assert "Evidence, shift extreme: hardly any study has this level" in text
    periods = text_of(section(html, "periods"))
    assert periods.count("Evidence, shift extreme: hardly any study has this level") == 1
    assert "All rows: Evidence, shift extreme" in periods
    remedies = text_of(section(html, "remedies"))
    assert "An intervention without a printed figure" not in remedies
    assert "an intervention without a printed figure changes nothing" in remedies
    assert "arms with decorrelated training data against their baselines, 4 studies" in remedies


def test_a_level_without_evidence_has_no_ratio(html: str) -> None:
    part = section(html, "modifiers")
    row = cells(part, "Alignment: behavioral cloning over interpretability verified")
    assert row[0] == "3.75 arithmetic judgement 1.5 over 0.4" and row[1] == "no evidence"
    assert "0 studies with interpretability verified" in text_of(part)
    diversity = cells(part, "Diversity: narrow over diverse")
    assert diversity[0] == "2 arithmetic 1.4 over 0.7"
    assert "data’s share 0.70" in diversity[1]
    assert "it does not exist for alignment" in text_of(part)


def test_a_sentence_says_where_the_printed_figures_lie(results: RiskResults) -> None:
    table = results.table.copy()
    chosen = (table["kind"] == "shift_type") & (table["estimand"] == "rate_mean")
    for name, low, high in (("superficial", 0.5, 0.6), ("moderate", 0.01, 0.05)):
        table.loc[chosen & (table["profile"] == name), ["low", "high"]] = low, high
    for name in ("significant", "extreme"):
        table.loc[chosen & (table["profile"] == name), ["low", "high"]] = 0.1, 0.4
    said = risk_context(replace(results, table=table), "")["shifts"].said
    assert said == (
        "The printed base risk lies inside the interval of the evidence's average over studies "
        "for significant and extreme; it lies above it for moderate; it lies below it for "
        "superficial."
    )


def test_a_stage_that_no_study_has_at_its_level_is_judgement(html: str) -> None:
    shifts = section(html, "shifts")
    able = cells(shifts, "Extreme: capability transfers")
    goal = cells(shifts, "Extreme: goal fails, given capability")
    whole = cells(shifts, "Extreme: capable, goal fails, harm")
    for number in (1, 2):
        assert "evidence" in able[number] and "judgement" not in able[number]
        assert "judgement" in goal[number] and "evidence" not in goal[number]
        assert "evidence judgement" in whole[number]
    assert "evidence" in cells(shifts, "Significant: goal fails, given capability")[1]


def test_every_number_has_one_of_the_bases(html: str) -> None:
    assert set(re.findall(r'class="tag (\w+)"', html)) == set(BASES)
    for row in re.findall(r"<td data-label=[^>]*>(.*?)</td>", section(html, "domains"), flags=re.S):
        assert "tag" in row or "no number" in row


def test_figures_draw_intervals_and_are_described(html: str) -> None:
    figures = re.findall(r"<svg.*?</svg>", html, flags=re.S)
    assert len(figures) == 6
    assert all("<desc" in figure for figure in figures)
    described = re.search(r"<desc[^>]*>(.*?)</desc>", figures[0], flags=re.S)
    assert described is not None
    assert "printed range a range (1% to 10%)" in described[1]
    assert "a new study" in described[1]


def test_ids_are_unique_and_links_lead_somewhere(html: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for address in re.findall(r'href="#([^"]+)"', html):
        assert address in ids
    files = {
        address
        for address in re.findall(r'href="([^"#]+)', html)
        if not address.startswith(("data:", "figures/risk/"))
    }
    assert files <= {
        "risk.csv", "modifiers.csv", "claims.html", "methods.html", "index.html",
    }  # fmt: skip


def test_the_page_asks_nothing_of_anyone_and_runs_its_own_script_alone(html: str) -> None:
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", html)
    assert " onclick" not in html and " onload" not in html
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    (ours,) = re.findall(r"<script>(.*?)</script>", html, flags=re.S)
    digest = base64.b64encode(hashlib.sha256(ours.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in unescape(policy[1])
    assert "default-src 'none'" in unescape(policy[1])


def test_without_javascript_the_tables_stand_and_the_form_does_not(html: str) -> None:
    assert re.search(r'<form id="risk-form" hidden>', html)
    assert '<div id="risk-result" hidden>' in html
    assert "The calculator needs JavaScript" in html
    options = re.findall(r'<option value="(\w+)"', section(html, "calculator"))
    assert {"none", "extreme", "above_human", "narrow", "human_feedback"} <= set(options)


def test_the_embedded_content_is_whole(html: str, results: RiskResults) -> None:
    data = re.search(r'id="risk-data">(.*?)</script>', html, flags=re.S)
    assert data is not None and "<" not in data[1]
    read = json.loads(data[1])
    assert read["draws"] == results.calculator["draws"]
    assert read["names"]["harm"] == "Significant harm, given goal failure"


def test_the_page_stays_small_with_as_many_draws_as_there_are(tmp_path: Path) -> None:
    found = load_risk(*stored(tmp_path, small_basis(count=2000)))
    assert found is not None
    assert len(render(found).encode()) < 1_500_000


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def test_hostile_text_is_text(results: RiskResults) -> None:
    table = results.table.copy()
    texts = table["note"].where(table["kind"] != "intervention", f"x: {HOSTILE}")
    table["note"] = texts
    table.loc[table["kind"] == "domain", "profile"] = HOSTILE
    modifiers = results.modifiers.assign(high_risk=HOSTILE)
    content = {**results.calculator, "remedies": [HOSTILE]}
    html = render(RiskResults(table, modifiers, content))
    assert "<script>alert" not in html and "<img" not in html
    assert "&lt;script&gt;alert" in html


def test_a_failed_check_is_stamped_on_page_and_figures(results: RiskResults) -> None:
    html = render(results, "not converged: do not cite")
    assert html.count("not converged: do not cite") >= 6


def test_other_tables_of_a_run_add_their_sections(results: RiskResults) -> None:
    assert 'id="drivers"' not in render(results)
    more = replace(results, sensitivity=sensitivity(), information=information())
    html = render(more)
    drivers = section(html, "drivers")
    assert cells(drivers, "write-up <b>") == ["40%, give or take 2%", "12.0% and 3.0%", "judgement"]
    assert cells(drivers, "level of harm")[-1] == "evidence"
    assert text_of(drivers).index("write-up") < text_of(drivers).index("level of harm")
    assert "of another profile" not in text_of(drivers) and "superficial shift" in drivers
    assert 'href="risk_sensitivity.csv"' in drivers and "<svg" in drivers
    measure = section(html, "measure-next")
    assert cells(measure, "1") == ["Ten more <studies>.", "evidence judgement"]
    assert cells(measure, "2")[-1] == "judgement"
    assert "of one domain" not in measure and 'href="value_of_information.csv"' in measure
    assert 'href="#drivers">What drives the risk</a>' in html


def test_every_shift_type_and_domain_has_its_three_longest_bars(results: RiskResults) -> None:
    html = render(replace(results, sensitivity=sensitivity(), information=information()))
    part = section(html, "drivers-of-each")
    assert cells(part, "Domain: AI assistants") == [
        "longest 10.0% and 40.0% judgement", "middle 10.0% and 20.0% evidence judgement",
        "least 10.0% and 11.0% evidence",
    ]  # fmt: skip
    assert cells(part, "Shift type: superficial")[:2] == [
        "write-up <b> 12.0% and 3.0% judgement", "level of harm 4.0% and 10.0% evidence",
    ]  # fmt: skip
    text = text_of(part)
    assert "shortest" not in text and "a part" not in text and "of later" not in text
    known = section(html, "known-stages")
    assert cells(known, "Shift type: extreme") == [
        "", "0% give or take 2% judgement", "31% give or take 2% evidence",
    ]  # fmt: skip
    footer = html[html.index("<footer>") :]
    for file in ("risk_sensitivity.csv", "value_of_information.csv"):
        assert footer.count(f'href="{file}"') == 1
    assert "<footer>" in (bare := render(results)) and "risk_sensitivity" not in bare


def test_empty_tables_add_no_section(results: RiskResults) -> None:
    empty = replace(results, sensitivity=sensitivity().iloc[:0], information=information().iloc[:0])
    html = render(empty)
    assert 'id="drivers"' not in html and 'id="measure-next"' not in html


def test_claims_of_other_documents_leave_no_page(tmp_path: Path) -> None:
    files = stored(tmp_path, small_basis(count=20), pd.read_csv(CLAIMS).iloc[:5])
    assert load_risk(*files) is None
    assert pd.read_csv(files[0]).empty and json.loads(files[2].read_text()) == {}


def test_the_site_has_the_page_where_there_is_a_run_of_it(
    tmp_path: Path, results: RiskResults
) -> None:
    base = Base(tmp_path)
    base.fit("rates", ("capability_transfer", "goal_failure"), primary=True)
    run = base.load()
    render_report(run, tmp_path / "without")
    assert not (tmp_path / "without/risk.html").exists()
    assert "risk.html" not in (tmp_path / "without/index.html").read_text()
    render_report(replace(run, risk=results), tmp_path / "with")
    assert 'href="risk.html"' in (tmp_path / "with/index.html").read_text()
    page = (tmp_path / "with/risk.html").read_text()
    assert 'aria-current="page">Risk</a>' in page and "do not cite" not in page
    link = '<a href="risk.html#measure-next">What to code or run next</a>'
    assert link not in (tmp_path / "with/index.html").read_text()
    more = replace(results, information=information())
    render_report(replace(run, risk=more), tmp_path / "more")
    assert link in (tmp_path / "more/index.html").read_text()
    assert 'id="measure-next"' in (tmp_path / "more/risk.html").read_text()


def test_nothing_that_is_no_number_is_shown(html: str) -> None:
    assert not re.search(r"\bnan\b", text_of(html), flags=re.I)
    assert np.isfinite(len(html))
