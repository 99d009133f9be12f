"""The page of the audit, and its place in the report."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from meta.claims.audit import audit
from meta.claims.estimates import Estimates
from meta.claims.verdict import CONTRADICTED, NOT_SUPPORTED, NOT_TESTABLE, SUPPORTED, VERDICTS
from meta.report.claims import audit_entries, claims_context, quantity_name, verdict_counts
from meta.report.environment import environment
from meta.report.pages import render_report
from meta.report.wording import COLOURS
from tests.claims.tables import NO_SUMS, claims, comparisons, estimates, pooled, sums
from tests.report.conftest import Base

RANGE = {"statistic": "lower", "value": 0.4}, {"statistic": "upper", "value": 0.6}


def render(table: pd.DataFrame, stamp: str = "") -> str:
    page = environment().get_template("claims.html.j2")
    failed = [stamp] if stamp else []
    return page.render(colours=COLOURS, stamp=stamp, failed=failed, **claims_context(table))


def audited(*rows: dict[str, object], of: pd.DataFrame = NO_SUMS) -> pd.DataFrame:
    return audit(claims(*rows), of, estimates(), comparisons())


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_counts_are_of_claims_and_name_verdicts_without_any() -> None:
    table = audited(*RANGE, {"value": 0.9, "section": "B"})
    counts = {verdict: number for verdict, number, _ in verdict_counts(table)}
    assert counts == {**dict.fromkeys(VERDICTS, 0), SUPPORTED: 2, NOT_SUPPORTED: 1}
    assert "By the evidence alone: 2 supported, 1 not supported, 0 not testable." in render(table)


def test_the_ends_of_a_range_are_one_entry_unless_their_sums_part_them() -> None:
    (entry,) = audit_entries(audited(*RANGE))[SUPPORTED]
    assert (entry.ids, entry.printed) == ("C001, C002", "40% to 60%")
    parted = audit_entries(audited(*RANGE, of=sums(C002=False)))
    assert {verdict: [e.ids for e in of] for verdict, of in parted.items()} == {
        SUPPORTED: ["C001"], CONTRADICTED: ["C002"],
    }  # fmt: skip
    assert parted[CONTRADICTED][0].evidence == "Evidence: supported."
    assert parted[CONTRADICTED][0].printed == "60%, the upper end of 40% to 60%"


def test_every_claim_is_on_the_page_with_what_is_behind_it() -> None:
    html = text_of(render(audited(*RANGE, {"value": 0.9, "section": "B"})))
    assert html.count("C001, C002") == 1 and html.count("C003") == 1
    assert "50% 46% to 54%" in html
    assert "9 studies, 20 rows, 4,000 trials" in html
    assert "What is printed lies above that interval." in html


def test_a_ratio_is_shown_beside_the_range_that_makes_it() -> None:
    ends = {**RANGE[0], "unit": "ratio", "value": 0.5}, {**RANGE[1], "unit": "ratio", "value": 2}
    row = {"estimand": "risk_ratio", "group": "field=b vs a", "median": 1.0}
    entry = {"estimand": "risk_ratio", "group": "field=b vs a", "ratio": "ends"}
    sides = [{"group": f"field={s}", "k_direct": k} for s, k in (("a", 9), ("b", 4))]
    run = Estimates(pooled(row, *sides), kinds={("rates", "field=b vs a"): 3})
    table = audit(claims(*ends), NO_SUMS, run, comparisons(entry))
    (shown,) = audit_entries(table)[NOT_SUPPORTED]
    assert shown.printed == "0.5 to 2: a ratio of 4"
    assert shown.behind == "4 studies at the setting with fewer, of 9, 20 rows, 4,000 trials"


def test_a_level_that_few_code_sets_have_is_no_zero_studies_with_rows() -> None:
    row = {"k_studies": 0, "k_rows": 2, "n_trials": 5289, "k_direct": 0}
    table = audit(claims({}), NO_SUMS, estimates(row), comparisons())
    (shown,) = audit_entries(table)[NOT_TESTABLE]
    assert shown.behind == "<1 study, 2 rows, 5,289 trials on average over code sets"


def test_a_catalogue_counts_lists_and_cases() -> None:
    row = {"frame": "case_series", "k_studies": 3, "n_trials": 1}
    table = audit(claims({}), NO_SUMS, estimates(row), comparisons())
    (shown,) = audit_entries(table)[NOT_TESTABLE]
    assert shown.behind == "3 lists, 1 case"
    assert "a composition, not a rate" in shown.why


def test_the_report_counts_the_claims_and_links_to_the_page(tmp_path: Path) -> None:
    base = Base(tmp_path)
    base.fit("rates", ("capability_transfer", "goal_failure"), primary=True)
    run = base.load()
    render_report(run, tmp_path / "without")
    assert not (tmp_path / "without/claims.html").exists()
    index = (tmp_path / "without/index.html").read_text()
    assert "claims.html" not in index and 'id="claims"' in index
    table = audited(*RANGE, {"value": 0.9, "section": "B"})
    render_report(replace(run, claims=table), tmp_path / "with")
    index = (tmp_path / "with/index.html").read_text()
    section = index[index.index('<section id="claims">') :]
    section = text_of(section[: section.index("</section>")])
    assert "Not supported 1" in section and "Supported 2" in section
    assert 'href="claims.html"' in index
    page = (tmp_path / "with/claims.html").read_text()
    assert "C001, C002" in page and "do not cite" not in page
    base.checks("rates", passed=False)
    render_report(replace(base.load(), claims=table), tmp_path / "failed")
    assert "do not cite" in (tmp_path / "failed/claims.html").read_text()


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


@pytest.mark.parametrize("column", ["document", "section", "quantity", "subject", "unit"])
def test_hostile_text_is_escaped(column: str) -> None:
    html = render(audited({column: HOSTILE}, of=sums(C001=False)))
    assert "<script" not in html and "<img" not in html
    if column != "unit":
        assert "&lt;script&gt;" in html


def test_hostile_sums_are_escaped() -> None:
    of = sums(C001=False).assign(sentence=HOSTILE)
    html = render(audited({}, of=of))
    assert "<script" not in html and "&lt;script&gt;" in html


def test_the_page_asks_nothing_of_anyone_and_runs_nothing() -> None:
    html = render(audited(*RANGE))
    known = r"index\.html|audit\.html|claims\.csv|pooled\.csv|#|data:,"
    assert not re.search(rf'(?:src|href)="(?!{known})', html)
    assert "<script" not in html


def test_a_failed_check_is_stamped_on_the_page() -> None:
    assert "do not cite" in render(audited({}), "not converged: do not cite")
    assert "do not cite" not in render(audited({}))


def test_an_empty_table_has_a_page() -> None:
    empty = audited({}).iloc[:0]
    assert "The claims table has no rows." in render(empty)


def test_a_stored_table_gives_the_same_page(tmp_path) -> None:  # type: ignore[no-untyped-def]
    table = audited(*RANGE, {"value": None, "subject": None}, of=sums(C001=True))
    table.to_csv(tmp_path / "claims.csv", index=False)
    assert render(pd.read_csv(tmp_path / "claims.csv")) == render(table)


@pytest.mark.parametrize(
    ("quantity", "name"),
    [
        ("p_base", "P(base)"), ("m_capability", "Multiplier for capability"),
        ("risk_2027", "Risk 2027"), ("p", "P"), ("", ""),
    ],
)  # fmt: skip
def test_quantities_have_names(quantity: str, name: str) -> None:
    assert quantity_name(quantity) == name


def test_the_rows_behind_an_estimate_are_there_to_unfold() -> None:
    table = audited({}).assign(arm_ids="ARM001..ARM003", case_ids="<b>SG-ML-01</b>")
    html = render(table)
    assert '<details class="rows"><summary>Rows behind it</summary>' in html
    assert "<p>Arms: ARM001..ARM003</p>" in html and "<p>Cases: &lt;b&gt;" in html
    assert 'class="rows"' not in render(audited({}))


def test_the_rule_of_a_sum_is_named_and_an_implied_one_that_fails_explained() -> None:
    of = pd.DataFrame(
        {
            "claim_id": ["C001", "C002"], "reproduced": [False, False],
            "basis": ["implied", "stated"], "sentence": "A sum.",
        }
    )  # fmt: skip
    rows = {"section": "A"}, {"section": "B"}
    entries = audit_entries(audited(*rows, of=of))
    (implied,), (stated,) = entries[SUPPORTED], entries[CONTRADICTED]
    assert (implied.rule, stated.rule) == (
        "Rule implied by its tables", "Rule stated by the document",
    )  # fmt: skip
    assert implied.evidence.endswith("the evidence supports the figure.")
    assert stated.evidence == "Evidence: supported."
    html = text_of(render(audited(*rows, of=of)))
    assert "Rule implied by its tables A sum." in html
    assert audit_entries(audited({}))[SUPPORTED][0].rule == ""
