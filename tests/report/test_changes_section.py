"""The section on changes: what moved, what did not, and what cannot be attributed."""

from __future__ import annotations

from meta.report.changes import changes_section

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
        "rows": {"arms": arms},
        "models": {"added": ["robust"], "removed": [], "changed": []},
        "pooled": [moved, {**moved, "moved": False}],
        "attribution": [
            {**entry, "id": "roe_2026", "moves": [move]},
            {**entry, "id": "doe_2026", "pareto_k": 0.9, "moves": [],
             "reason": "not attributable by weights: Pareto k 0.90 is above 0.70"},
        ],
    }  # fmt: skip


def test_rows_numbers_and_movers_are_named() -> None:
    section = changes_section(document())
    assert section is not None
    ((table, lines),) = section.rows
    assert table == "arms"
    assert lines[0].startswith("20 added: A0")
    assert lines[0].endswith("and 8 more")
    assert "4 edited in columns that no analysis reads" in lines
    assert section.edits == [("arms", "B", "n_harm", "(blank) → 3")]
    assert section.models == ["added: robust"]
    assert section.unmoved == "1 pooled number moved by no more than its Monte Carlo error."
    ((name, before, after, sd),) = section.moved
    assert name.startswith("rates: Goal fails")
    assert (before, after) == ("30.0% (20.0% to 40.0%)", "35.0% (20.0% to 40.0%)")
    assert sd == "+0.80 sd"
    assert section.movers[0][0] == "Roe 2026 (B)"
    assert "+0.80 sd" in section.movers[0][2]
    assert "not attributable by weights" in section.movers[1][2]


def test_what_moved_within_its_error_is_counted_and_not_listed() -> None:
    content = document()
    content["pooled"] = [{**content["pooled"][1]}, {**content["pooled"][1]}]
    move = content["attribution"][0]["moves"][0]
    content["attribution"][0]["moves"] = [{**move, "difference": 0.019, "in_sd": 9.0}, move]
    section = changes_section(content)
    assert section is not None
    assert section.moved == []
    assert section.unmoved == "2 pooled numbers moved by no more than their Monte Carlo error."
    assert section.movers[0][2].count("sd") == 1
    assert "+9.00 sd" not in section.movers[0][2]
    content["attribution"][0]["moves"] = [{**move, "difference": 0.019}]
    section = changes_section(content)
    assert section is not None
    assert section.movers[0][2] == "moves no number beyond Monte Carlo error"


def test_nothing_handed_in_is_no_section() -> None:
    assert changes_section({}) is None
