"""Columns and coefficients of moderators: shapes of effects, refusals, priors."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from pydantic import ValidationError

from meta.config import ModelSpec, PriorSet
from meta.errors import DesignError
from meta.models.chain import build_chain
from meta.models.design import Design, build_design
from meta.models.moderators import monotonic_basis

SHIFTS = ["none", "superficial", "moderate", "significant", "extreme"]


def rows(**columns: object) -> pd.DataFrame:
    """Six arms of four studies, all counting goal failures."""
    return pd.DataFrame(
        {
            "row_id": list("pqrstu"), "study": list("aabbcd"), "agent_set": list("pqrstu"),
            "failure_type": "specification_gaming", "sampling_frame": "denominator",
            "conditioning": "all_trials",
            "events_goal_failure": pd.array([3, 0, 5, 20, 4, 6], dtype="Int64"),
            "trials_goal_failure": pd.array([8, 9, 30, 50, 9, 9], dtype="Int64"),
            **columns,
        }
    )  # fmt: skip


def spec(*moderators: str, **effects: str) -> ModelSpec:
    return ModelSpec(
        stages=["goal_failure"], levels=["study"], moderators=moderators, moderator_effects=effects
    )


SHIFTED = rows(shift_type=["none", "none", "moderate", "moderate", "significant", "none"])


def test_an_ordinal_field_counts_steps_in_the_order_of_its_vocabulary() -> None:
    design = build_design(SHIFTED, spec("shift_type"))
    np.testing.assert_array_equal(design.x.sum(axis=1), [0, 0, 2, 2, 3, 0])
    assert [g.label for g in design.groups] == [f"shift_type={v}" for v in SHIFTS]
    np.testing.assert_array_equal(np.stack([g.x for g in design.groups]), monotonic_basis(5))
    assert [int(g.rows.sum()) for g in design.groups] == [3, 0, 2, 1, 0]
    assert design.terms[0] == "shift_type[none to superficial]"


def test_the_specification_overrides_the_shape() -> None:
    categories = build_design(SHIFTED, spec("shift_type", shift_type="categories"))
    assert categories.x.shape == (6, 2)
    assert [g.label for g in categories.groups] == [
        f"shift_type={v}" for v in ("none", "moderate", "significant")
    ]
    linear = build_design(SHIFTED, spec("shift_type", shift_type="linear"))
    np.testing.assert_allclose(linear.x[:, 0], [0, 0, 0.5, 0.5, 0.75, 0])
    assert len(linear.groups) == 5


@pytest.mark.parametrize(
    ("moderators", "effects", "said"),
    [
        (["failure_type"], {"failure_type": "monotonic"}, "ordinal field of three levels"),
        (["year"], {"year": "monotonic"}, "it can be linear or within_between"),
        (["shift_type"], {"shift_type": "within_between"}, "needs a number"),
        (["shift_type"], {"shift_typ": "linear"}, "did you mean shift_type"),
        (["shift_type"], {"shift_type": "ordinal"}, "Input should be"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(
    moderators: list[str], effects: dict[str, str], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        ModelSpec(stages=["goal_failure"], moderators=moderators, moderator_effects=effects)


def test_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DesignError, match="odd, which is no level of it"):
        build_design(SHIFTED.assign(shift_type=["odd", *["none"] * 5]), spec("shift_type"))
    with pytest.raises(DesignError, match="constant"):
        build_design(SHIFTED.assign(shift_type="none"), spec("shift_type"))
    added = rows(hours=[1, 2, 3, 4, 5, 6])
    with pytest.raises(DesignError, match="hours holds numbers"):
        build_design(added, spec("hours", hours="monotonic"))
    with pytest.raises(DesignError, match="hours has no ordered vocabulary"):
        build_design(added.astype({"hours": str}), spec("hours", hours="monotonic"))


def test_a_number_is_split_into_study_means_and_deviations() -> None:
    years = rows(year=[1, 3, 2, 4, 7, 1])
    design = build_design(years, spec("year", year="within_between"))
    sd = years["year"].std(ddof=0)
    np.testing.assert_allclose(design.x[:, 0] * sd + 3, [2, 2, 3, 3, 7, 1])
    np.testing.assert_allclose(design.x[:, 1] * sd, [-1, 1, -1, 1, 0, 0])
    np.testing.assert_allclose(
        design.x.sum(axis=1, keepdims=True), build_design(years, spec("year")).x
    )
    for constant, where in (([1, 1, 2, 2, 7, 1], "within"), ([1, 3, 3, 1, 2, 2], "between")):
        with pytest.raises(DesignError, match=f"does not vary {where} studies"):
            build_design(rows(year=constant), spec("year", year="within_between"))


def prior_of(design: Design, priors: PriorSet, *names: str) -> list[np.ndarray]:
    """Prior draws of some parameters at the first stage; plain Python compiles soonest."""
    model = build_chain(design, priors)
    drawn = pm.draw([model[n] for n in names], 4000, mode="FAST_COMPILE", random_seed=1)
    return [np.asarray(each)[..., 0] for each in drawn]


def test_prior_of_a_monotonic_effect_beside_a_category() -> None:
    """Normal total shared out by a Dirichlet(2), each beside the contrast it does not touch."""
    table = SHIFTED.assign(failure_type=["specification_gaming", "goal_misgeneralization"] * 3)
    design = build_design(table, spec("shift_type", "failure_type"))
    priors = PriorSet.model_validate(
        {"monotonic": {"mu": 1, "sigma": 0.5}, "simplex": {"concentration": 3}}
    )
    beta, total, free = prior_of(design, priors, "beta", "shift_type_total", "beta_free")
    steps = beta[:, design.moderators[0].columns]
    np.testing.assert_allclose(steps.sum(axis=1), total)
    assert np.all(np.sign(steps) == np.sign(total)[:, None])
    size = len(total)
    assert total.mean() == pytest.approx(1, abs=4 * 0.5 / size**0.5)
    assert total.std() == pytest.approx(0.5, abs=4 * 0.5 / (2 * size) ** 0.5)
    share = steps / total[:, None]
    # A part of a symmetric Dirichlet(a) of four is Beta(a, 3 a).
    assert share.mean(axis=0) == pytest.approx(np.full(4, 0.25), abs=0.008)
    assert share.var(axis=0) == pytest.approx(np.full(4, 0.25 * 0.75 / 13), rel=0.1)
    np.testing.assert_array_equal(beta[:, 4], free[:, 0])
    assert beta[:, 4].std() == pytest.approx(0.75, rel=0.05)


def test_a_linear_effect_is_the_monotonic_one_of_equal_steps() -> None:
    linear = build_design(SHIFTED, spec("shift_type", shift_type="linear"))
    monotonic = build_design(SHIFTED, spec("shift_type"))
    even = PriorSet.model_validate({"simplex": {"concentration": 1e6}})
    for design, priors in ((linear, PriorSet()), (monotonic, even)):
        beta, total = prior_of(design, priors, "beta", "shift_type_total")
        effects = np.stack([beta @ g.x for g in design.groups], axis=1)
        want = np.linspace(0, 1, 5) * total[:, None]
        np.testing.assert_allclose(effects, want, atol=0.01)
