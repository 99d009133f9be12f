"""Moderators in the report: rates by level, ratios with what the prior said, plain verdicts."""

import re

import pandas as pd
import pytest

from meta.report.estimates import NO_DATA
from meta.report.moderators import moderator_section
from meta.report.pages import render_page
from meta.report.wording import comparison_name, estimand_name

PRIOR = ["prior_median", "prior_ci_low", "prior_ci_high", "contraction"]


def compared(full, contraction: float, k_rows: int = 20):
    """Give the model of shift types one comparison."""
    full.fit("by_shift_type", ("goal_failure",), groups=["shift_type=none", "shift_type=moderate"])
    path = full.folder / "fits" / "by_shift_type" / "pooled.csv"
    table = pd.read_csv(path)
    rows = []
    for estimand, middle in (("risk_ratio", 1.5), ("risk_difference", 0.12)):
        row = full.pooled_row(
            "by_shift_type", False, "goal_failure", "shift_type=moderate vs none", estimand,
            "denominator", middle,
        )  # fmt: skip
        rows.append([*row, 1.0, 0.4, 2.5, contraction])
    more = pd.DataFrame(rows, columns=[*table.columns, *PRIOR]).assign(k_rows=k_rows)
    pd.concat([table, more], ignore_index=True).to_csv(path, index=False)
    return full.load()


def section(page: str) -> str:
    text = page[page.index('<section id="moderators">') :]
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", text[: text.index("</section>")]))


def test_a_ratio_stands_beside_its_prior(full) -> None:
    inputs = compared(full, contraction=0.63)
    (_, moderated) = moderator_section(inputs)
    (line,) = moderated.comparisons
    assert line.ratio.shown == "1.50"
    assert line.prior == "1.00 (0.40 to 2.50)"
    assert (line.contraction, line.verdict) == ("63%", "")
    assert line.difference is not None
    assert line.difference.shown == "12"
    text = section(render_page(inputs))
    assert "Goal fails, given capability: Shift type: moderate against none" in text
    # What a reader sees who opens no table.
    assert moderated.summary == "1 risk ratio, 1 with an interval that leaves out 1"
    assert f"By shift type: {moderated.summary}" in text
    # The levels keep their rates, and the comparison is no level.
    headings = [rate.heading for rate in moderated.rates.lines]
    assert len(headings) == 2
    assert not any(" vs " in heading for heading in headings)


@pytest.mark.parametrize(
    ("contraction", "k_rows", "shares", "verdict"),
    [
        (0.19, 20, "19%", "says little beyond its prior"),
        (-0.3, 20, "none", "says little beyond its prior"),
        (0.5, 0, "", "a level without data"),
        (0.1, 0, "", "a level without data: says little beyond its prior"),
    ],
)
def test_what_says_little_is_called_so(full, contraction, k_rows, shares, verdict) -> None:
    inputs = compared(full, contraction, k_rows)
    line = moderator_section(inputs)[-1].comparisons[0]
    assert (line.contraction, line.verdict) == (shares, verdict)
    text = section(render_page(inputs))
    assert verdict in text
    assert ("50%" in text or "10%" in text) is False
    assert "“none” also stands where the posterior is wider than its prior" in text
    little = "little" in verdict
    assert moderator_section(inputs)[-1].summary.endswith("beyond the prior") == little


def test_a_comparison_with_an_unobserved_level_is_marked_as_the_level_is(full) -> None:
    inputs = compared(full, 0.6, 20)
    model, group = moderator_section(inputs)[-1].fit.name, "shift_type=none"
    full.edit(model, group, "goal_failure", k_direct=0)
    line = moderator_section(full.load())[-1].comparisons[0]
    assert (line.contraction, line.verdict) == ("", NO_DATA)
    assert f"– {NO_DATA}" in section(render_page(full.load()))
    assert line.ratio.no_data == ""


def test_results_of_an_earlier_version_still_render(full) -> None:
    (moderated,) = moderator_section(full.load())
    assert moderated.fit.name == "by_failure_type"
    assert moderated.comparisons == []
    assert "By failure type" in section(render_page(full.load()))


def test_a_base_without_moderators_says_so(base) -> None:
    base.fit("rates", ("goal_failure",), primary=True)
    assert "not in this evidence base" in section(render_page(base.load()))


def test_names() -> None:
    assert comparison_name("shift_type=extreme vs none") == "Shift type: extreme against none"
    assert comparison_name("year=1 sd above mean vs mean") == "year: 1 sd above mean against mean"
    assert estimand_name("share_above_0.1") == "share of new studies above 10%"
