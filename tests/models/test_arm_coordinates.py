"""Coordinates of arms: a map that is undone, with its Jacobian, chosen by the counts."""

from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from scipy.special import expit
from scipy.stats import norm

from meta.config import ModelSpec
from meta.models.arm_coordinates import Coordinates, RidgeCoordinates, ridge_data
from meta.models.chain import build_chain
from meta.models.design import Design, build_design
from meta.models.parameterisation import coordinate_data, parameterisation
from meta.priors import PriorSet

SPEC = ModelSpec(
    stages=["capability_transfer", "goal_failure"], likelihood="binomial", levels=["study", "arm"]
)
#: Arms: one along its ridge, one not and centred in one stage, one not and not centred.
MEAN = np.array([[1.0, -0.5], [0.3, -2.0], [4.0, 0.0]])
SCALE = np.array([[0.7, 1.6]])
CENTRE = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
TOTAL = np.array([0.4, 1.0, 2.0])
SPREAD = np.array([0.05, 0.0, 0.0])


def design(all_trials: list[bool], events: list[int], trials: list[int]) -> Design:
    """One arm a study; those that do not count all trials have 8 capable of 10."""
    count = len(events)
    rows = pd.DataFrame(
        {
            "row_id": [f"r{i}" for i in range(count)],
            "study": [f"s{i}" for i in range(count)],
            "sampling_frame": "denominator",
            "conditioning": np.where(all_trials, "all_trials", "given_capability"),
            "events_capability_transfer": [None if a else 8 for a in all_trials],
            "trials_capability_transfer": [None if a else 10 for a in all_trials],
            "events_goal_failure": events,
            "trials_goal_failure": trials,
        }
    )
    counts = [c for c in rows if c.startswith(("events", "trials"))]
    return build_design(rows.astype(dict.fromkeys(counts, "Int64")), SPEC)


def maps(transform: Any) -> tuple[Any, Any, Any]:
    """Compile the map back and forth at the arms above, and its log Jacobian determinants."""
    value = pt.matrix("value")
    ridge = [TOTAL, SPREAD] if isinstance(transform, RidgeCoordinates) else []
    inputs = [*map(pt.as_tensor, (*ridge, MEAN, SCALE, CENTRE)), None]
    return tuple(
        pytensor.function([value], f(value, *inputs), mode="FAST_COMPILE")
        for f in (transform.forward, transform.backward, transform.log_jac_det)
    )


@pytest.mark.parametrize("transform", [Coordinates(), RidgeCoordinates()])
def test_the_map_is_undone_and_its_determinant_is_that_of_differences(transform: Any) -> None:
    forward, backward, log_jac_det = maps(transform)
    rng = np.random.default_rng(1)
    for size in (0.1, 1.0, 4.0):
        for _ in range(20):
            at = rng.normal(scale=size, size=(3, 2))
            logits = backward(at)
            np.testing.assert_allclose(forward(logits), at, rtol=1e-6, atol=1e-7)
            found = log_jac_det(at)
            for arm in range(3):
                differences = np.empty((2, 2))
                for stage in range(2):
                    step = np.zeros((3, 2))
                    step[arm, stage] = 1e-5
                    changed = (backward(at + step) - backward(at - step)) / 2e-5
                    differences[:, stage] = changed[arm]
                    assert not np.delete(changed, arm, axis=0).any()
                want = np.log(abs(np.linalg.det(differences)))
                assert found[arm] == pytest.approx(want, abs=1e-5)


def test_across_the_ridge_is_the_product_and_along_it_is_capability() -> None:
    _, backward, _ = maps(RidgeCoordinates())
    for along in (-6.0, -1.0, 0.0, 2.0, 6.0):
        at = np.array([[along, 1.5]] * 3)
        logits = backward(at)
        product = expit(logits[0]).prod()
        assert -np.log(product) == pytest.approx(TOTAL[0] * np.exp(1.5 * SPREAD[0]), rel=1e-9)
    # Capability all but sure: h is its logit. Goal failure all but sure: h is minus its logit.
    for along, stage, sign in ((20.0, 0, 1), (-20.0, 1, -1)):
        at = np.array([[along, 0.0]] * 3)
        middle = sign * (MEAN[0, 0] + SCALE[0, 0] * along)
        far = middle if stage == 0 else middle - 2 * np.log(TOTAL[0])
        assert backward(at)[0, stage] == pytest.approx(far, abs=1e-4)


def test_far_out_everything_is_finite() -> None:
    _, backward, log_jac_det = maps(RidgeCoordinates())
    for at in (-300.0, 300.0):
        far = np.array([[at, 0.0]] * 3)
        assert np.isfinite(backward(far)).all()
        assert np.isfinite(log_jac_det(far)).all()


def test_rich_arms_that_count_among_all_trials_have_a_ridge() -> None:
    found = ridge_data(design([True, True, False, True], [30, 2, 30, 0], [100, 100, 100, 100]))
    rate = 30.5 / 101
    total = -np.log(rate)
    assert found["ridge_total"][0] == pytest.approx(total)
    assert found["ridge_spread"][0] == pytest.approx(np.sqrt((1 - rate) / 30.5) / total)
    # An information of 2.4, capability counted, none at all.
    assert found["ridge_spread"][1:].tolist() == [0, 0, 0]


def test_density_is_that_of_the_logits_with_the_jacobian() -> None:
    """What is sampled has the density of normal arms times that of the map, whatever the ridge."""
    made = design([True, True, False], [30, 5, 9], [100, 40, 12])
    model = build_chain(made, PriorSet())
    rng = np.random.default_rng(4)
    point = {k: v + rng.normal(size=np.shape(v)) / 3 for k, v in model.initial_point().items()}
    name = model.rvs_to_values[model["arm_logit"]].name
    assert name == "arm_logit_ridge__"
    parts = model.replace_rvs_by_values([model["study_logit"], model["kappa"], model["arm_logit"]])
    studies, kappa, logits = pm.pytensorf.compile(model.value_vars, parts)(**point)
    density = model.compile_logp(vars=[model["arm_logit"]], jacobian=False, sum=False)(point)[0]
    mean = studies[made.levels[1].parent]
    np.testing.assert_allclose(density, norm.logpdf(logits, mean, kappa).sum(axis=1), rtol=1e-9)
    with_jacobian = model.compile_logp(vars=[model["arm_logit"]], sum=False)(point)[0]
    data = coordinate_data(made)
    inputs = [data["ridge_total"], data["ridge_spread"], mean, kappa[None], data["centred_arm"]]
    value = pt.matrix("value")
    jacobian = (
        RidgeCoordinates()
        .log_jac_det(value, *map(pt.as_tensor, inputs), None)
        .eval({value: point[name]})
    )
    np.testing.assert_allclose(with_jacobian - density, jacobian, rtol=1e-7)


def test_a_chain_starts_in_the_middle_of_the_ridge() -> None:
    made = design([True, True, False], [990, 10, 9], [1000, 1000, 12])
    model = build_chain(made, PriorSet())
    start = model.initial_point()["arm_logit_ridge__"]
    np.testing.assert_allclose(start[:2], 0, atol=1e-6)
    draws = pm.draw(model["arm_logit"], draws=4000, random_seed=1)
    # The prior knows nothing of counts.
    assert expit(draws[:, 0]).mean() == pytest.approx(expit(draws[:, 2]).mean(), abs=0.03)


def test_the_parameterisation_is_described() -> None:
    made = design([True, True, False], [30, 5, 50], [100, 40, 120])
    described = parameterisation(made)["arm"]
    assert described["goal_failure"] == ("1 of 3 units centred, 1 along the ridge of their product")
    assert described["capability_transfer"].startswith("0 of 3")
