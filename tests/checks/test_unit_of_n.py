"""Unit of n: the design effect in closed form, its rounding, and what is refitted."""

from __future__ import annotations

import numpy as np
import pytest

from meta.checks.unit_of_n import ROUNDINGS, agents_of, averaged, effective_counts, unit_of_n
from tests.checks.small_tables import Recorder, design, made_up_numbers, rows, task

SIZE = 20_000


def effective(events: int, trials: int, agents: float, icc: float) -> tuple[np.ndarray, np.ndarray]:
    """Many roundings of one count."""
    counts = (np.full(SIZE, v) for v in (events, trials, agents))
    return effective_counts(*counts, icc, np.random.default_rng(3))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((30, 100, 1, 0.0), (30, 100)),
        ((30, 100, 1, 1.0), (0.3, 1)),  # one agent: one trial
        ((30, 100, 10, 1.0), (3, 10)),  # at icc 1 each agent counts once
        ((30, 100, 10, 0.2), (10.71, 35.71)),  # 100 / (1 + 9 * .2)
        ((30, 100, 1, 0.05), (5.042, 16.81)),  # 100 / 5.95
        ((0, 100, 1, 0.05), (0, 16.81)),
        ((1, 2, 4, 1.0), (1, 2)),  # more agents than trials at risk: nothing is shared
        ((1, 2, 1, 1.0), (0.5, 1)),
        ((0, 0, 1, 0.2), (0, 0)),
    ],
)
def test_counts_over_their_design_effect_are_right_on_average(
    given: tuple, expected: tuple
) -> None:
    events, trials = effective(*given)
    assert (events <= trials).all()
    for found, want in zip((events, trials), expected, strict=True):
        # Whole numbers at most one apart (events: two, of two roundings).
        assert np.ptp(found) <= 2
        assert found.mean() == pytest.approx(want, abs=4 * 0.7 / np.sqrt(SIZE), rel=1e-12)
        if want == int(want):
            assert set(found) == {want}


def test_no_event_stays_none_and_all_stay_all() -> None:
    assert set(effective(0, 100, 1, 0.05)[0]) == {0}
    events, trials = effective(100, 100, 1, 0.05)
    assert (events == trials).all()
    assert set(trials) == {16, 17}


def test_the_average_of_studies_is_kept_where_every_agent_counts_once() -> None:
    """Rounded to the nearest number, rates of .3 would all become 0 of 1."""
    rng = np.random.default_rng(6)
    events, trials = np.array([30, 7, 20, 45]), np.array([100, 50, 25, 60])
    rates = [
        np.divide(*effective_counts(events, trials, np.ones(4), 1.0, rng)).mean()
        for _ in range(4000)
    ]
    want = (events / trials).mean()
    assert np.mean(rates) == pytest.approx(want, abs=4 * np.std(rates) / np.sqrt(4000))


def test_a_blank_number_of_agents_is_one() -> None:
    model = design(rows([1, 2, 3], [10, 20, 30]))
    agents = {"r000": 5.0, "r001": float("nan")}
    assert agents_of(model, agents).tolist() == [5, 1, 1]


def test_only_the_counts_change() -> None:
    model, fit = design(rows([1, 20, 3], [10, 20, 30])), Recorder()
    main = made_up_numbers(0.2)
    table = unit_of_n(fit, model, task(model), {"r000": 10.0}, [0, 0.2, 1], main)
    streams = [stream for *_, stream in fit.asked]
    assert len(set(streams)) == len(streams) == 2 * ROUNDINGS
    last = [asked[0] for asked in fit.asked[ROUNDINGS:]]
    assert all(each.trials.tolist() == [10, 1, 1] for each in last)
    assert all(each.events[0] == 1 for each in last)
    # All of twenty stay all; three of thirty are one of one in a tenth of the tables.
    assert all(each.events[1] == 1 and each.events[2] in (0, 1) for each in last)
    assert all(each.spec == model.spec for each in last)
    assert table["n_effective"].tolist() == pytest.approx([60, 10 + 4.17 + 4.41, 12], abs=1)
    assert table["mean"].tolist()[0] == 0.2
    again = Recorder()
    unit_of_n(again, model, task(model), {"r000": 10.0}, [0, 0.2, 1], main)
    for a, b in zip(fit.asked, again.asked, strict=True):
        np.testing.assert_array_equal(a[0].events, b[0].events)


def test_numbers_are_averaged_and_their_spread_counts() -> None:
    tables = [made_up_numbers(m, 0.1) for m in (0.2, 0.3, 0.4)]
    (row,) = averaged(tables).to_dict("records")
    assert row["mean"] == pytest.approx(0.3)
    assert row["sd"] == pytest.approx(np.sqrt(0.1**2 + 0.1**2))
    assert row["mcse_mean"] == pytest.approx(np.sqrt(0.001**2 / 3 + 0.1**2 / 3))
    assert row["ci_high"] == pytest.approx(0.5)
    assert row["passed"]
    failed = [*tables[:2], tables[2].assign(passed=False)]
    assert not averaged(failed)["passed"].item()
