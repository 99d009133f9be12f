"""Bars of the tornado and of the value of information: as long as the numbers say."""

import re

import pandas as pd
import pytest

from meta.report.risk_bars import information_plot, measurement_name, tornado_plot

OUTCOME = "harmful_misgeneralization"


def bars(svg: str) -> list[tuple[float, float]]:
    """Start and end of each thick line, in points from the left, in the order drawn."""
    found = []
    for path, style in re.findall(r'<path d="([^"]*)"[^>]*style="([^"]*)"', str(svg)):
        if "stroke-width: 8" in style:
            # To an absolute place, by a distance, or nowhere.
            start, way, end = re.fullmatch(r"M([-\d.]+) [-\d.]+([Hhv])([-\d.]+)", path).groups()
            begun = float(start)
            found.append((begun, {"H": 0.0, "h": begun, "v": begun}[way] + float(end)))
    return found


@pytest.fixture
def drivers() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "outcome": OUTCOME, "view": ["shared", "stages", "predictive"],
            "said": ["short <one>", "long one", "part"], "risk": 0.1,
            "risk_low": [0.09, 0.05, float("nan")], "risk_high": [0.11, 0.2, float("nan")],
        }
    )  # fmt: skip


def test_the_tornado_starts_at_the_median_longest_first(drivers):
    svg = tornado_plot("t", "Tornado", drivers, (0.1, 0.9)).inline
    found = bars(svg)
    assert len(found) == 4
    starts = {start for start, _ in found}
    assert len(starts) == 1
    lengths = [end - start for start, end in found]
    unit = lengths[1] / 0.1
    assert lengths == pytest.approx([-0.05 * unit, 0.1 * unit, -0.01 * unit, 0.01 * unit], rel=1e-3)
    assert "percentile 10 and 90: long one: 5% and 20%; short" in svg
    assert "short &lt;one&gt;" in svg
    assert "<one>" not in svg
    assert "part" not in re.sub("percentile", "", str(svg))


def test_information_shows_share_and_limit_by_rank():
    rows = pd.DataFrame(
        {
            "outcome": OUTCOME, "information": ["sample", "sample", "perfect"],
            "rank": [2, 1, 1], "candidate": ["notoriety", "cases:shift_type=extreme", "harm"],
            "share_logit": [-0.001, 0.2, 0.9], "share_logit_margin": 0.01,
            "limit_logit": [0.1, 0.4, float("nan")],
        }
    )  # fmt: skip
    svg = information_plot("i", "Information", rows).inline
    lengths = [end - start for start, end in bars(svg)]
    assert lengths[:2] == pytest.approx([2 * lengths[1], lengths[1]], rel=1e-3)
    assert lengths[2] == pytest.approx(lengths[0] / 4, rel=1e-3)
    assert lengths[3:] in ([], [0.0])
    assert "cases with harm: shift type extreme: 20%, at most 40%" in svg
    assert svg.index("cases with harm") < svg.index("gets written up")


def test_the_same_rows_give_the_same_bytes_and_no_rows_nothing(drivers):
    one, other = (tornado_plot("t", "Tornado", drivers, (0.1, 0.9)) for _ in range(2))
    assert (one.inline, one.alone) == (other.inline, other.alone)
    assert not tornado_plot("t", "Tornado", drivers.iloc[:0], (0.1, 0.9))
    assert not tornado_plot("t", "Tornado", drivers.iloc[2:], (0.1, 0.9))


def test_measurements_have_names_for_a_reader():
    assert measurement_name("by_stage:alignment_method=human_feedback") == (
        "studies by stage: alignment method human feedback"
    )
    assert measurement_name("notoriety") == "a study of what gets written up"
