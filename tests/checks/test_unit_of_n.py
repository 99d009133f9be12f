"""Unit of n: the design effect in closed form, its rounding, and what is refitted."""

from __future__ import annotations

import numpy as np
import pytest
from tests.checks.small_tables import Recorder, design, made_up_numbers, rows, task

from meta.checks.unit_of_n import agents_of, effective_counts, unit_of_n


def effective(events: int, trials: int, agents: float, icc: float) -> tuple[int, int]:
    found = effective_counts(np.array([events]), np.array([trials]), np.array([agents]), icc)
    return int(found[0][0]), int(found[1][0])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((30, 100, 1, 0.0), (30, 100)),
        ((30, 100, 1, 1.0), (0, 1)),  # one agent: one trial
        ((60, 100, 1, 1.0), (1, 1)),
        ((30, 100, 10, 1.0), (3, 10)),  # at icc 1 each agent counts once
        ((30, 100, 10, 0.2), (11, 36)),  # 100 / (1 + 9 * .2) = 35.7; 30 * 36 / 100 = 10.8
        ((30, 100, 1, 0.05), (5, 17)),  # 100 / 5.95 = 16.8; 5.04
        ((0, 100, 1, 0.05), (0, 17)),
        ((100, 100, 1, 0.2), (5, 5)),
        ((1, 2, 4, 1.0), (1, 2)),  # more agents than trials at risk: nothing is shared
        ((1, 2, 1, 1.0), (1, 1)),  # halves up
        ((0, 0, 1, 0.2), (0, 0)),
    ],
)
def test_counts_over_their_design_effect(given: tuple, expected: tuple) -> None:
    assert effective(*given) == expected


def test_a_blank_number_of_agents_is_one() -> None:
    model = design(rows([1, 2, 3], [10, 20, 30]))
    agents = {"r000": 5.0, "r001": float("nan")}
    assert agents_of(model, agents).tolist() == [5, 1, 1]


def test_only_the_counts_change() -> None:
    model, fit = design(rows([1, 20, 3], [10, 20, 30])), Recorder()
    main = made_up_numbers(0.2)
    table = unit_of_n(fit, model, task(model), {"r000": 10.0}, [0, 0.2, 1], main)
    assert [stream for *_, stream in fit.asked] == ["icc 0.2", "icc 1"]
    last = fit.asked[1][0]
    assert last.trials.tolist() == [10, 1, 1]
    assert last.events.tolist() == [1, 1, 0]
    assert last.spec == model.spec
    assert table["n_effective"].tolist() == [60, 10 + 4 + 4, 12]
    assert table["mean"].tolist()[0] == 0.2
