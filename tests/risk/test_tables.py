"""The published tables against the independent audit's figures and hand sums."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta.errors import MissingRowsError
from meta.risk.arithmetic import arithmetic_checks
from meta.risk.documents import read_documents
from meta.risk.findings import table_findings
from meta.risk.interventions import combined_remaining
from meta.risk.named_profiles import named_profile_table
from meta.risk.tables import published_tables


@pytest.fixture(scope="module")
def tables(claims):
    return published_tables(claims)


def test_base_rates(tables):
    table = tables["base_rates"].set_index("shift_type")
    assert list(table["without_harm"].round(4)) == [0.1020, 0.1820, 0.3025, 0.3375]
    assert list(table["implied_harm"].round(3)) == [0.353, 0.549, 0.721, 0.821]
    assert list(table["stated_low"].round(3)) == [0.051, 0.091, 0.151, 0.169]
    assert list(table["stated_high"].round(3)) == [0.071, 0.127, 0.212, 0.236]
    assert list(table["pooled_harm"].round(3)) == [0.046, 0.082, 0.136, 0.152]
    assert list(table["within_band"]) == [False, True, False, False]


def test_rounding_bounds_the_implied_harm(tables):
    """3.55 to 3.65 over 84.5 to 85.5 times 11.5 to 12.5, by hand."""
    row = tables["base_rates"].iloc[0]
    assert row["implied_harm_low"] == pytest.approx(0.0355 / (0.855 * 0.125))
    assert row["implied_harm_high"] == pytest.approx(0.0365 / (0.845 * 0.115))


def test_pooled_row(tables):
    table = tables["pooled"].set_index("row")
    assert list(table["product"].round(3)) == [0.507, 0.260, 0.177, 0.298, 0.297, 0.315]
    means = table.loc["unweighted mean", ["capability", "goal", "harm"]].astype(float)
    assert list((100 * means).round(2)) == [86.67, 75.67, 45.33]


def test_modifiers_and_levels(tables):
    every = tables["modifiers"].iloc[-1]
    assert (every["low"], every["high"]) == pytest.approx((0.07, 12.6))
    levels = tables["specification_levels"]
    gaps = levels[levels["gap"]]
    assert gaps[["score_low", "score_high"]].to_numpy().tolist() == [[0.3, 0.4], [0.7, 0.8]]
    assert gaps[["low", "high"]].isna().all(axis=None)


def test_nothing_is_clipped(tables):
    table = tables["base_times_modifiers"]
    assert 100 * table["low"].iloc[0] == pytest.approx(0.25, abs=0.005)
    assert 100 * table["high"].iloc[-1] == pytest.approx(349, abs=0.5)
    assert list(table["exceeds_one"]) == [False, True, True, True]


def test_risk_ranges(tables):
    table = tables["risk_ranges"]
    assert list(table["low_multiplier"].round(2)) == [0.28, 0.30, 0.46, 0.47]
    assert list(table["high_multiplier"].round(2)) == [2.78, 2.20, 1.93, 1.84]


def test_domains(tables):
    table = tables["domains"].set_index("domain")
    implied = (100 * table[["implied_low", "implied_high"]]).round(1)
    assert implied.loc["game_ai"].tolist() == [1.8, 7.0]
    rounded = implied.round(0).drop(index="game_ai").to_numpy().tolist()
    assert rounded == [[8, 26], [8, 26], [15, 44], [33, 55]]
    assert not table["reproduced"].any()
    projected = (100 * table[["projected_low", "projected_high"]]).round(1).to_numpy().tolist()
    assert projected == [[4.5, 18], [18, 42], [12, 33], [27, 52.5], [37.5, 67.5]]
    low, high = table["ratio_low"].round(2), table["ratio_high"].round(2)
    assert (low.min(), low.max(), high.min(), high.max()) == (1.39, 1.67, 1.14, 1.33)


def test_timeline(tables):
    last = tables["timeline"].set_index("period").loc["post-2030"]
    assert 100 * last["extreme_low"] == pytest.approx(83, abs=0.5)
    assert 100 * last["extreme_high"] == pytest.approx(139, abs=0.5)
    assert tables["timeline"]["exceeds_one"].tolist() == [False, False, False, True]


def test_interventions_multiply_naively(tables, claims):
    """0.6 x 0.5 x 0.3 x 0.1 and 0.8 x 0.7 x 0.6 x 0.4 are left, by hand."""
    table = tables["interventions"].set_index("intervention")
    every = table.loc["all, multiplied"]
    assert (every["remaining_low"], every["remaining_high"]) == pytest.approx((0.009, 0.1344))
    prevention = table.loc["prevention, multiplied"]
    assert (prevention["reduction_low"], prevention["reduction_high"]) == pytest.approx(
        (1 - 0.336, 0.91)
    )
    assert table.loc["anomaly_monitoring", "has_figure"] == False  # noqa: E712
    assert "response, multiplied" not in table.index
    words = table[["cost", "priority"]]
    assert words.loc["diverse_adversarial_training"].tolist() == ["2-5x compute", "high"]
    assert words.loc["gradual_deployment"].tolist() == ["reduced utility", "high"]
    assert words.loc["all, multiplied"].tolist() == ["", ""]
    bare = published_tables(claims.drop(columns="note"))["interventions"]
    assert set(bare["cost"]) == {""}
    documents = read_documents(claims)
    assert combined_remaining(documents, ["anomaly_monitoring"]) == (1, 1)


def test_chart(tables):
    table = tables["chart"].set_index("scenario")
    plotted = {
        "simulation_to_real": "superficial", "language_style": "superficial",
        "cross_cultural": "superficial", "weather": "superficial",
        "cooperative_to_competitive": "", "short_to_long_term": "extreme",
        "supervised_to_autonomous": "extreme", "evaluation_to_deployment": "significant",
    }  # fmt: skip
    assert table["plotted"].to_dict() == plotted
    assert table.loc["cooperative_to_competitive", "borders"] == "significant extreme"
    assert table.index[table["agrees"].eq(False)].tolist() == [
        "cross_cultural", "evaluation_to_deployment",
    ]  # fmt: skip
    assert not table["equals_table"].any()


@settings(max_examples=20, deadline=None)
@given(row=st.integers(0, 139), value=st.sampled_from([0.0, 0.5, 1.0, 7.0]) | st.floats(0, 10))
def test_any_one_figure_may_be_anything(claims, altered, row, value):
    """Zero bases and risks, types that are none, levels out of order: an answer, no fault."""
    other = altered({claims["claim_id"].iloc[row]: value})
    assert len(arithmetic_checks(other, partial=True)) > 40
    assert len(table_findings(other, partial=True)) > 10
    assert len(published_tables(other, partial=True)) == 10
    if claims["unit"].iloc[row] == "ratio" or value <= 1:
        published_tables(other)
        assert len(named_profile_table(other)) >= 19


def test_every_row_names_claims_of_the_table(tables, claims):
    known = set(claims["claim_id"])
    for name, table in tables.items():
        named = [claim for cell in table["claims"].dropna() for claim in cell.split("; ") if claim]
        assert named, name
        assert set(named) <= known
        assert list(table)[-1] == "claims"


def test_absent_figures_leave_blanks(claims):
    with pytest.raises(MissingRowsError):
        published_tables(claims.drop(index=28))
    some = published_tables(claims[claims["claim_id"] != "C029"], partial=True)
    row = some["base_rates"].iloc[0]
    assert row[["printed", "implied_harm"]].isna().all()
    assert row["without_harm"] == pytest.approx(0.102)
    assert row["claims"] == "C027; C028"
    assert published_tables(claims.assign(document="x.txt")) == {}
