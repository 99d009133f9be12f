"""Weights of rows in the evidence's mean: studies alike, cases alike, however cases are split."""

import numpy as np
import pandas as pd

from meta.config import ModelSpec
from meta.estimands.harm_chain import harm_setting
from meta.models.design import Design, build_design
from meta.models.row_weights import row_weights

SPEC = ModelSpec(
    frame="case_series", stages=["goal_failure", "harm"], levels=["source_list"],
    moderators=["failure_type", "shift_type"], moderator_effects={"shift_type": "linear"},
)  # fmt: skip


def test_studies_weigh_the_same_and_so_do_the_arms_of_one() -> None:
    rows = pd.DataFrame({"study": list("abaa")})
    np.testing.assert_allclose(row_weights(rows), [1 / 6, 1 / 2, 1 / 6, 1 / 6])


def test_a_cell_weighs_as_many_as_its_cases() -> None:
    rows = pd.DataFrame({"study": list("aab"), "n_units": pd.array([30, 10, 1], dtype="Int64")})
    np.testing.assert_allclose(row_weights(rows), [3 / 8, 1 / 8, 1 / 2])


def test_a_list_without_cases_in_a_code_set_weighs_nothing() -> None:
    rows = pd.DataFrame({"study": list("aab"), "n_units": [3, 1, 0]})
    np.testing.assert_allclose(row_weights(rows), [3 / 4, 1 / 4, 0])


def harm(cells: list[tuple[str, str, str, int]]) -> Design:
    """Cells of cases: list, failure type, shift type, number of cases."""
    lists, types, shifts, sizes = zip(*cells, strict=True)
    counts = pd.array(sizes, dtype="Int64")
    table = pd.DataFrame(
        {
            "row_id": [str(i) for i in range(len(cells))], "study": lists,
            "agent_set": [str(i) for i in range(len(cells))], "failure_type": types,
            "shift_type": shifts, "sampling_frame": "case_series",
            "conditioning": "given_capability", "events_goal_failure": counts,
            "trials_goal_failure": counts, "events_harm": counts // 2, "trials_harm": counts,
            "n_units": counts,
        }
    )  # fmt: skip
    return build_design(table, SPEC)


GAMING, MISGENERALIZED = "specification_gaming", "goal_misgeneralization"
WHOLE = [
    ("a", GAMING, "none", 6), ("a", MISGENERALIZED, "extreme", 2), ("b", GAMING, "moderate", 4),
    ("c", MISGENERALIZED, "significant", 5),
]  # fmt: skip
#: The six cases of list a in two cells, as another moderator would have them.
SPLIT = [("a", GAMING, "none", 5), ("a", GAMING, "none", 1), *WHOLE[1:]]


def test_groups_and_harm_are_at_the_mean_of_cases_however_they_are_split() -> None:
    one, other = harm(WHOLE), harm(SPLIT)
    for a, b in zip(one.groups, other.groups, strict=True):
        np.testing.assert_allclose(a.x, b.x)
    # Shift runs from 0 (none) to 1 (extreme): a 2/8, b 1/2, c 3/4, each list a third.
    shift = (0.25 + 0.5 + 0.75) / 3
    column = one.terms.index("shift_type (first level to last)")
    kinds = [g.x[column] for g in one.groups if g.label.startswith("failure")]
    np.testing.assert_allclose(kinds, [shift, shift])
    for design in (one, other):
        setting = harm_setting(f"failure_type={GAMING}", design)
        assert setting is not None
        np.testing.assert_allclose(setting[column], shift)
