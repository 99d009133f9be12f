"""Agreement coefficients against published examples, and what the table counts."""

import krippendorff
import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from meta.evidence import agreement
from meta.evidence.agreement import (
    agreement_table,
    answer_counts,
    coefficients,
    quadratic_weights,
    unit_sums,
)
from tests.evidence.coding_base import base

#: Four observers, twelve units: Krippendorff (2011), "Computing Krippendorff's alpha-reliability",
#: example C; the same data in Gwet (2014), Handbook of Inter-Rater Reliability, 4th edition.
FOUR_OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ]
).T


def published(weights: np.ndarray, ordinal: bool) -> np.ndarray:
    sums = unit_sums(answer_counts(FOUR_OBSERVERS - 1, 5)).sum(axis=0)
    return coefficients(sums, weights, ordinal)


def test_published_coefficients() -> None:
    raw, alpha, ac1 = published(np.eye(5), ordinal=False)
    # Gwet's tables: percent agreement 0.8181818, AC1 0.77544; Krippendorff: 0.743.
    assert raw == pytest.approx(0.8181818, abs=1e-6)
    assert ac1 == pytest.approx(0.77544, abs=5e-6)
    assert alpha == pytest.approx(0.743, abs=5e-4)
    _, ordinal, ac2 = published(quadratic_weights(5), ordinal=True)
    assert ordinal == pytest.approx(0.815, abs=5e-4)
    assert ac2 == pytest.approx(0.914, abs=5e-4)


@pytest.mark.parametrize("ordinal", [False, True])
def test_the_bootstrapped_alpha_is_that_of_the_library(ordinal: bool) -> None:
    """Resampled sums give what the library gives for the resampled units."""
    rng = np.random.default_rng(5)
    counts = answer_counts(FOUR_OBSERVERS - 1, 5)
    for _ in range(20):
        times = rng.multinomial(12, np.full(12, 1 / 12))
        again = np.repeat(counts, times, axis=0)
        ours = coefficients(times @ unit_sums(counts), np.eye(5), ordinal)[1]
        level = "ordinal" if ordinal else "nominal"
        theirs = krippendorff.alpha(value_counts=again, level_of_measurement=level)
        assert ours == pytest.approx(theirs, abs=1e-12)


def measured(rows: list[tuple[str, str, str | None]], **more: object) -> pd.DataFrame:
    return agreement_table(base(rows, **more), 1).set_index(["kind", "unclear"])


def test_unclear_is_a_category_of_its_own_or_no_answer_and_never_a_step_of_the_scale() -> None:
    rows = [(f"U{i}", c, "minor" if i % 2 else "severe") for i in range(8) for c in "ab"]
    rows += [("U8", "a", "minor"), ("U8", "b", "unclear")]
    table = measured(rows)
    assert table.loc[("case", "category"), "units"] == 9
    assert table.loc[("case", "category"), "raw"] == pytest.approx(8 / 9)
    assert table.loc[("case", "category"), "scale"] == "nominal"
    assert table.loc[("case", "missing"), "units"] == 8
    assert table.loc[("case", "missing"), "alpha"] == 1
    assert table.loc[("case", "missing"), "scale"] == "ordinal"


def test_the_adjudicator_is_not_counted_and_its_side_is_told() -> None:
    rows = [(f"U{i}", c, "none") for i in range(5) for c in "ab"]
    rows += [("U5", "a", "none"), ("U5", "b", "minor"), ("U5", "adjudicated", "minor")]
    rows += [("U6", "a", "none"), ("U6", "b", "minor"), ("U6", "adjudicated", "severe")]
    row = measured(rows).loc[("case", "category")]
    assert row["raw"] == pytest.approx(5 / 7)
    assert (row["coders"], row["adjudicated"]) == (2, 2)
    assert row["adjudicated_with"] == "a 0; b 1; nobody 1"


def test_arms_of_a_study_are_resampled_together() -> None:
    """Twenty arms of two studies say about agreement what two do, not twenty."""
    rows, arms = [], {}
    for i in range(20):
        arms[f"A{i}"] = "s" if i < 10 else "t"
        rows += [(f"A{i}", "a", "none"), (f"A{i}", "b", "none" if i < 10 else "minor")]
    row = measured(rows, arms=arms).loc[("arm", "category")]
    assert (row["units"], row["clusters"], row["raw"]) == (20, 2, 0.5)
    assert (row["raw_low"], row["raw_high"]) == (0, 1)


@pytest.mark.parametrize(
    "rows",
    [
        [("U1", "a", "none"), ("U2", "a", "minor")],  # one coder
        [("U1", "a", "unclear"), ("U1", "b", "unclear")],  # nothing clear
        [("U1", "a", "none"), ("U2", "b", "minor")],  # no unit twice
    ],
)
def test_where_nothing_can_be_compared_there_is_no_row(rows) -> None:
    assert measured(rows).empty


def test_without_variation_alpha_is_not_defined_and_ac_is() -> None:
    row = measured([(f"U{i}", c, "none") for i in range(4) for c in "abc"]).loc[("case", "missing")]
    assert row["raw"] == 1
    assert np.isnan(row["alpha"])
    assert row["coders"] == 3
    disagree = measured(
        [(f"U{i}", c, v) for i in range(4) for c, v in zip("ab", ("none", "minor"), strict=True)]
    )
    assert disagree.loc[("case", "missing"), "raw"] == 0
    assert disagree.loc[("case", "missing"), "alpha"] < 0


LONE = [("X1", "c", "severe"), ("X2", "c", "severe"), ("X3", "c", "unclear"), ("X4", "c", "none")]


@pytest.mark.parametrize("scale", ["category", "missing"])
def test_units_that_nobody_compared_change_no_coefficient(scale: str) -> None:
    """Codes of a coder who worked alone, or of the adjudicator, are not those compared."""
    pairs = [(f"U{i}", c, "none" if i < 6 else "minor") for i in range(8) for c in "ab"]
    pairs += [("U8", "a", "none"), ("U8", "b", "minor")]
    alone = measured(pairs).loc[("case", scale)]
    settled = [("U8", "adjudicated", "significant")]
    beside = measured([*pairs, *LONE, *settled]).loc[("case", scale)]
    columns = [*(f"{m}{p}" for m in ("raw", "alpha", "ac") for p in ("", "_low", "_high"))]
    columns += ["units", "clusters", "coders", "categories"]
    pd.testing.assert_series_equal(alone[columns], beside[columns], check_names=False)


def test_the_categories_of_ac_are_those_of_the_vocabulary() -> None:
    """By hand, for `none`, `minor`, `significant`, `severe`: q = 4, and 5 with `unclear`."""
    pairs = [(f"U{i}", c, "none" if i < 6 else "severe") for i in range(8) for c in "ab"]
    pairs += [(f"U{i}", c, v) for i in (8, 9) for c, v in (("a", "none"), ("b", "minor"))]
    table = measured(pairs)
    shares = np.array([14, 2, 0, 4]) / 20
    spread = (shares * (1 - shares)).sum()
    chance = spread / 4  # AC1 of five categories: / (q - 1)
    nominal = table.loc[("case", "category")]
    assert nominal["categories"] == 5
    assert nominal["ac"] == pytest.approx((0.8 - chance) / (1 - chance))
    # AC2: agreement weights 1 - (steps / 3)^2; their sum is 4 + 2 (3 * 8 + 2 * 5) / 9.
    chance = (4 + 2 * (3 * 8 + 2 * 5) / 9) / 12 * spread
    observed = 0.8 + 0.2 * (1 - 1 / 9)
    ordinal = table.loc[("case", "missing")]
    assert ordinal["categories"] == 4
    assert ordinal["ac"] == pytest.approx((observed - chance) / (1 - chance))


MIXED = [(f"U{i:03d}", c, v) for i in range(120) for c, v in
         zip("ab", ("none", ("none", "minor", "severe")[i % 5 % 3]), strict=True)]  # fmt: skip
BOUNDS = [f"{measure}_{end}" for measure in ("raw", "alpha", "ac") for end in ("low", "high")]


def test_resamples_drawn_in_blocks_are_those_drawn_at_once(monkeypatch) -> None:
    whole = measured(MIXED)[BOUNDS]
    monkeypatch.setattr(agreement, "DRAWN_AT_ONCE", 1000)
    pd.testing.assert_frame_equal(measured(MIXED)[BOUNDS], whole, rtol=1e-12)


def test_clusters_drawn_by_kind_have_the_same_intervals(monkeypatch) -> None:
    """Raw agreement of independent units is binomial; both ways stay within Monte Carlo error."""
    apart = measured(MIXED).loc[("case", "category")]
    monkeypatch.setattr(agreement, "MOST_APART", 10)
    kinds = measured(MIXED).loc[("case", "category")]
    share, units = apart["raw"], apart["units"]
    assert kinds["raw"] == share
    assert kinds["alpha"] == pytest.approx(apart["alpha"], abs=1e-12)
    exact = binom.ppf([0.025, 0.975], units, share) / units
    # A quantile of 2,000 draws is off by sqrt(p (1 - p) / 2000) / density, here under one unit.
    for row in (apart, kinds):
        assert [row["raw_low"], row["raw_high"]] == pytest.approx(exact, abs=1.01 / units)
    for name in BOUNDS:
        assert kinds[name] == pytest.approx(apart[name], abs=0.03)


def test_kinds_of_clusters_are_told_apart() -> None:
    """Two clusters of the same size and another mix are never drawn as one."""
    cluster = np.array([0, 0, 1, 1, 2, 2])
    counts = np.array([[2, 0], [0, 2], [1, 1], [1, 1], [2, 0], [0, 2]])
    held, sums = agreement.cluster_patterns(cluster, counts)
    whole = held.toarray() @ sums
    assert whole[0] == pytest.approx(whole[2])
    expected = [unit_sums(counts)[cluster == c].sum(axis=0) for c in range(3)]
    np.testing.assert_allclose(whole, expected)
