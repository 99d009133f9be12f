"""Designs of contrasts, and the noise that arms of one baseline share."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.optimize import minimize

from meta.config import ModelSpec
from meta.errors import DesignError, FrameError
from meta.models.contrast_design import build_contrast_design
from meta.models.contrasts import build_contrasts
from meta.models.specification import design_of
from meta.priors import HalfNormal, Normal, PriorSet

SPEC = ModelSpec(
    frame="contrasts", stages=["goal_failure"], likelihood="binomial", levels=["study"]
)


def rows(*arms: tuple[str, str, str | None, int, int], frame: str = "denominator") -> pd.DataFrame:
    """Analysis set of (arm, study, against, events, trials)."""
    table = pd.DataFrame(arms, columns=["row_id", "study", "against", "events", "trials"])
    counts = {
        f"{kind}_goal_failure": table.pop(kind).astype("Int64") for kind in ("events", "trials")
    }
    return table.assign(sampling_frame=frame, **counts)


def shared(study: str) -> list[tuple[str, str, str | None, int, int]]:
    base = f"{study}:base"
    return [
        (base, study, None, 200, 400),
        (f"{study}:a", study, f"stakes_framing@{base}", 150, 500),
        (f"{study}:b", study, f"option_to_stop@{base}", 60, 300),
    ]


THREE = [*shared("s1"), *shared("s2"), *shared("s3")]


def test_each_arm_is_one_row_and_a_chain_adds_up() -> None:
    chain = ("s1:ab", "s1", "option_to_stop@s1:a; stakes_framing@s1:b", 5, 50)
    design = build_contrast_design(rows(*THREE, chain), SPEC)
    assert design.interventions == ["option_to_stop", "stakes_framing"]
    assert len(design.rows) == 10
    assert len(design.levels[1].units) == 3
    exposure = dict(zip(design.rows["row_id"], design.exposure.tolist(), strict=True))
    assert exposure["s1:base"] == [0, 0]
    assert exposure["s1:b"] == [1, 0]
    assert exposure["s1:ab"] == [1, 1]
    # Both effects of its own study, and none of another.
    own = design.row_cells[9]
    assert design.cell_study[own == 1].tolist() == [0, 0]
    assert own.sum() == 2


def test_what_three_studies_have_is_pooled_and_nothing_else() -> None:
    more = ("s1:c", "s1", "prior_training@s1:base", 3, 9)
    design = build_contrast_design(rows(*THREE, more), SPEC)
    assert design.pooled == ["option_to_stop", "stakes_framing"]
    assert "prior_training (1)" in design.notes[0]
    assert design.rows_of("prior_training").tolist() == [0, 9]
    assert design.rows_of("stakes_framing", "s2").tolist() == [3, 4]


def test_two_arms_of_one_baseline_share_its_noise() -> None:
    # With one effect for all studies and free baselines, the log odds ratios of a and b against
    # the baseline have, over 3 studies, the variance (1/(n p q) of the arm + that of the baseline)
    # / 3 and the covariance (that of the baseline) / 3.
    priors = PriorSet(
        baseline=Normal(sigma=100), delta=Normal(sigma=100), tau_delta=HalfNormal(sigma=1e-6)
    )
    design = build_contrast_design(rows(*THREE), SPEC)
    model = build_contrasts(design, priors)
    names = ["baseline_logit", "delta"]
    initial = model.initial_point()
    density = model.compile_fn(model.logp(jacobian=False), mode="FAST_COMPILE")

    def negative(x: np.ndarray) -> float:
        # Effects are those of their mean, and sampled as they are, since their counts are rich.
        effects = x[3:][design.cell_intervention]
        point = {**initial, "baseline_logit": x[:3], "delta": x[3:], "effect_raw": effects}
        return -float(density(point))

    assert set(names) < set(initial)
    start = np.zeros(5)
    best = minimize(negative, start, method="BFGS", options={"gtol": 1e-4}).x
    step = 1e-3
    unit = np.eye(5) * step
    hessian = np.array(
        [
            [
                (
                    negative(best + i + j) - negative(best + i - j)
                    - negative(best - i + j) + negative(best - i - j)
                ) / (4 * step**2)
                for j in unit
            ]
            for i in unit
        ]
    )  # fmt: skip
    found = np.linalg.inv(hessian)[3:, 3:]
    noise = {"base": 1 / (400 * 0.5 * 0.5), "a": 1 / (500 * 0.3 * 0.7), "b": 1 / (300 * 0.2 * 0.8)}
    wanted = np.array(
        [
            [noise["b"] + noise["base"], noise["base"]],
            [noise["base"], noise["a"] + noise["base"]],
        ]
    )
    assert found == pytest.approx(wanted / 3, rel=0.01)
    assert best[3] == pytest.approx(np.log(0.25), abs=1e-3)


def test_rows_that_cannot_give_contrasts_are_refused() -> None:
    with pytest.raises(FrameError, match=r"s1:base \(conditioned\)"):
        design_of(rows(*THREE, frame="conditioned"), SPEC)
    with pytest.raises(DesignError, match="2 study"):
        design_of(rows(*THREE[:6]), SPEC)
    circle = ("s1:base", "s1", "prior_training@s1:a", 200, 400)
    with pytest.raises(DesignError, match="contradicts"):
        design_of(rows(circle, *THREE[1:]), SPEC)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stages": ["capability_transfer", "goal_failure"]}, "one stage goal_failure"),
        ({"levels": ["study", "agent_set"]}, "levels study and, if binomial, arm"),
        ({"moderators": ["agent"]}, "interventions, not moderators"),
        ({"random_effects": "student_t"}, "normal random effects"),
        ({"likelihood": "beta_binomial", "levels": ["study", "arm"]}, "drop arm"),
    ],
)
def test_a_specification_that_makes_no_sense_is_refused(
    changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        ModelSpec.model_validate({**SPEC.model_dump(), **changes})
