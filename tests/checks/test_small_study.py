"""Small-study description: an exact line is found; robust errors are those of the formula."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from meta.checks.small_study import small_study
from tests.checks.small_tables import design, rows


def test_a_line_in_one_over_n_is_found() -> None:
    # rate = .2 + 2 / n, exactly
    trials = [10, 20, 40, 100, 200]
    events = [int(0.2 * n + 2) for n in trials]
    found, points = small_study(design(rows(events, trials)), 0.95)
    row = found.iloc[0]
    assert row["rate_large"] == pytest.approx(0.2)
    assert row["rate_small"] == pytest.approx(0.4)
    assert row["difference"] == pytest.approx(0.2)
    assert points["rate"].tolist() == pytest.approx([0.4, 0.3, 0.25, 0.22, 0.21])


def test_its_interval_is_clustered_by_study() -> None:
    events, trials = [1, 9, 3, 8, 20, 70], [10, 10, 12, 12, 100, 100]
    studies = ["a", "a", "b", "b", "c", "c"]
    row = small_study(design(rows(events, trials, studies)), 0.95)[0].iloc[0]
    x = np.column_stack([np.ones(6), 1 / np.array(trials)])
    y = np.array(events) / np.array(trials)
    bread = np.linalg.inv(x.T @ x)
    residual = y - x @ (bread @ x.T @ y)
    scores = np.stack([x[i : i + 2].T @ residual[i : i + 2] for i in (0, 2, 4)])
    meat = scores.T @ scores * (3 / 2) * (5 / 4)
    error = np.sqrt((bread @ meat @ bread)[1, 1]) / 10
    assert (row["ci_high"] - row["difference"]) == pytest.approx(t.ppf(0.975, 2) * error, rel=1e-6)


def test_arms_of_one_size_or_few_studies_have_no_slope() -> None:
    row = small_study(design(rows([1, 2, 3], [10, 10, 10])), 0.95)[0].iloc[0]
    assert np.isnan(row["difference"])
    assert row["k_rows"] == 3
