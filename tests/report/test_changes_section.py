"""The section on changes: what moved, what did not, and what cannot be attributed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from meta.pooled_changes import packed, unpacked
from meta.report.changes import changes_section
from meta.report.pages import render_page
from tests.report.evidence_base import evidence_run

if TYPE_CHECKING:
    from pathlib import Path

SUMMARY = {"mean": 0.3, "median": 0.3, "ci_low": 0.2, "ci_high": 0.4}
NUMBER = {"outcome": "goal_failure", "group": "all", "estimand": "rate_mean"}


def document() -> dict:
    moved = {
        **NUMBER, "model": "rates", "before": SUMMARY, "after": {**SUMMARY, "median": 0.35},
        "difference": 0.05, "in_sd": 0.8, "mcse": 0.01, "moved": True,
    }  # fmt: skip
    arms = {"added": [f"A{i}" for i in range(20)], "removed": [],
            "changed": {"B": {"n_harm": ["", "3"]}}, "other": 4}  # fmt: skip
    move = {**NUMBER, "difference": 0.05, "in_sd": 0.8, "mcse": 0.01}
    entry = {"unit": "study", "rows": ["B"], "pareto_k": 0.2, "reason": "", "reliable": True}
    return {
        "message": "It changed.",
        "release": {"name": "first"},
        "rows": {"arms": arms},
        "models": {"added": ["robust"], "removed": [], "changed": []},
        "pooled": packed([moved, {**moved, "moved": False}]),
        "pooled_added": [{**NUMBER, "model": "robust", "after": SUMMARY}],
        "pooled_removed": [{**NUMBER, "model": "rates", "group": f"failure_type={i}",
                            "before": SUMMARY} for i in range(14)],
        "attribution_reason": None,
        "attribution": [
            {**entry, "id": "roe_2026", "moves": [move]},
            {**entry, "id": "doe_2026", "pareto_k": 0.9, "moves": [],
             "reason": "not attributable by weights: Pareto k 0.90 is above 0.70"},
        ],
    }  # fmt: skip


def test_rows_numbers_and_movers_are_named() -> None:
    section = changes_section(document())
    assert section is not None
    added, changed, other = section.rows
    assert {line.table for line in section.rows} == {"arms"}
    assert (added.said, added.named[0], added.more) == ("20 added", ("A0", ""), 8)
    assert (changed.said, changed.named) == ("1 changed", [("B", "")])
    assert other.said == "4 edited in columns that no analysis reads"
    assert section.edits == [("arms", ("B", ""), "n_harm", "(blank) → 3")]
    assert section.models == ["added: robust"]
    assert section.unmoved == "1 pooled number moved by no more than its Monte Carlo error."
    ((name, before, after, sd),) = section.moved
    assert name.startswith("rates: Goal fails")
    assert (before, after) == ("30.0% (20.0% to 40.0%)", "35.0% (20.0% to 40.0%)")
    assert sd == "+0.80 sd"
    assert (section.movers[0].name[0], section.movers[0].rows) == ("Roe 2026", [("B", "")])
    assert "+0.80 sd" in section.movers[0].text
    assert "not attributable by weights" in section.movers[1].text


def test_numbers_that_moved_farthest_come_first() -> None:
    first, _ = unpacked(document()["pooled"])
    shifts = (0.3, -1.44, None, 0.8)
    pooled = packed([{**first, "in_sd": shift} for shift in shifts])
    section = changes_section({**document(), "pooled": pooled})
    assert section is not None
    assert [sd for *_, sd in section.moved] == ["–", "-1.44 sd", "+0.80 sd", "+0.30 sd"]


def test_a_difference_is_told_in_points() -> None:
    first, _ = unpacked(document()["pooled"])
    one = {**first, "estimand": "risk_difference", "before": {**SUMMARY, "ci_low": -0.111}}
    section = changes_section({**document(), "pooled": packed([one])})
    assert section is not None
    assert section.moved[0][1] == "30.0 (-11.1 to 40.0) percentage points"


def test_numbers_of_one_side_alone_are_named() -> None:
    section = changes_section(document())
    assert section is not None
    new, *gone = section.alone
    assert new[0].startswith("robust: Goal fails")
    assert new[1:] == ("new", "30.0% (20.0% to 40.0%)")
    assert len(gone) == 12
    assert {word for _, word, _ in gone} == {"gone"}
    assert section.alone_more == "2 more gone"


def test_why_nothing_is_attributed_is_said() -> None:
    none = document() | {"attribution": [], "attribution_reason": "the model was not fitted"}
    section = changes_section(none)
    assert section is not None
    assert (section.movers, section.no_movers) == (
        [], "Not attributed to rows: the model was not fitted.",
    )  # fmt: skip
    section = changes_section(none | {"release": None})
    assert section is not None
    assert section.no_movers == ""


def test_rows_lead_to_the_evidence_page_while_they_are_on_it(tmp_path: Path) -> None:
    content = document()
    content["rows"] = {
        "arms": {"added": ["A1"], "removed": ["A3"], "changed": {"A2": {"grade": ["A", "B"]}},
                 "other": 0},
        "studies": {"added": ["jones_2022"], "removed": [], "changed": {}, "other": 0},
        "codings": {"added": ["K1 / coder_a", "gone / coder_a"], "removed": [], "changed": {},
                    "other": 0},
    }  # fmt: skip
    content["attribution"][0] |= {"id": "smith_2024", "rows": ["A1"]}
    run = replace(evidence_run(tmp_path), changes=content)
    page = render_page(run)
    section = page[page.index('<section id="changes">') :]
    section = section[: section.index("</section>")]
    for name, said in {
        "A1": "arms: 1 added: ", "jones_2022": "studies: 1 added: ", "A2": "arms: 1 changed: ",
    }.items():  # fmt: skip
        assert f'{said}<a href="evidence.html#{name}">{name}</a></li>' in section
    assert '<th scope="row">arms <a href="evidence.html#A2">A2</a></th>' in section
    assert '<a href="evidence.html#K1">K1 / coder_a</a>, gone / coder_a</li>' in section
    assert "arms: 1 removed: A3</li>" in section
    mover = '<a href="evidence.html#smith_2024">Smith 2024</a> (<a href="evidence.html#A1">A1</a>)'
    assert mover in section


def test_what_moved_within_its_error_is_counted_and_not_listed() -> None:
    content = document()
    _, still = unpacked(content["pooled"])
    content["pooled"] = packed([still, still])
    move = content["attribution"][0]["moves"][0]
    content["attribution"][0]["moves"] = [{**move, "difference": 0.019, "in_sd": 9.0}, move]
    section = changes_section(content)
    assert section is not None
    assert section.moved == []
    assert section.unmoved == "2 pooled numbers moved by no more than their Monte Carlo error."
    assert section.movers[0].text.count("sd") == 1
    assert "+9.00 sd" not in section.movers[0].text
    content["attribution"][0]["moves"] = [{**move, "difference": 0.019}]
    section = changes_section(content)
    assert section is not None
    assert section.movers[0].text == "moves no number beyond Monte Carlo error"


def test_nothing_handed_in_is_no_section() -> None:
    assert changes_section({}) is None
