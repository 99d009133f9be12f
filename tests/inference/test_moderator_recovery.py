"""A specification that only a settings file states, fitted to evidence with known effects."""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.special import expit

from meta.estimands import all_estimates
from meta.evidence.analysis_set import analysis_set
from meta.inference.sampling import compile_model, sample_posterior
from meta.models.design import build_design
from meta.settings_file import load_settings

LEVELS = ["high", "medium", "low"]
#: Logit of capability falls in one step, that of goal failure rises, mostly in the other.
TRUTH = {"capability_transfer": [1.5, 0.5, 0.4], "goal_failure": [-1.5, -1.3, 0.2]}
STUDIES, TRIALS, TAU = 25, 200, 0.5
SETTINGS = {
    "sampler": {"chains": 2, "draws": 600, "tune": 600},
    "exceedance": [0.3],
    "models": {
        "by_quality": {
            "primary": True,
            "stages": list(TRUTH),
            "likelihood": "binomial",
            "levels": ["study"],
            "moderators": ["specification_quality"],
            "codes": "agreed",
        }
    },
}


def evidence() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(6)
    arms, codings = [], []
    for level, code in enumerate(LEVELS):
        for s in range(STUDIES):
            rate = {stage: expit(mean[level] + TAU * rng.normal()) for stage, mean in TRUTH.items()}
            capable = int(rng.binomial(TRIALS, rate["capability_transfer"]))
            name = f"{code}_{s}"
            failures = int(rng.binomial(capable, rate["goal_failure"]))
            arms.append((name, name, TRIALS, capable, capable, failures))
            codings.append((name, "a", code))
    counts = ["n_trials", "n_capable", "n_at_risk", "n_goal_failure"]
    table = pd.DataFrame(arms, columns=["arm_id", "study_id", *counts])
    table = table.astype(dict.fromkeys(counts, "Int64")).assign(
        failure_type="specification_gaming", sampling_frame="denominator", role="main",
        grade="A", conditioning="given_capability",
    )  # fmt: skip
    studies = pd.DataFrame({"study_id": table["study_id"], "title": "T", "year": 2020})
    coded = pd.DataFrame(
        codings, columns=["unit_id", "coder", "specification_quality"], dtype="string"
    )
    return {"arms": table, "studies": studies, "codings": coded}


def test_a_new_specification_recovers_known_steps(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(SETTINGS))
    settings = load_settings(tmp_path)
    task = settings.task("by_quality")
    design = build_design(analysis_set(evidence(), task.model, task.spec), task.spec)
    tree = sample_posterior(compile_model(design, task), task, cores=2, progress=False)
    posterior = tree["posterior"].to_dataset()
    found = {e.key: e.draws for e in all_estimates(posterior, design, 1, settings.exceedance)}
    z = np.random.default_rng(1).standard_normal(200_000)
    for stage, means in TRUTH.items():
        averages = [expit(mean + TAU * z).mean() for mean in means]
        for level, code in enumerate(LEVELS):
            group = f"specification_quality={code}"
            known = {
                f"{stage}/{group}/rate_typical": expit(means[level]),
                f"{stage}/{group}/rate_mean": averages[level],
                f"{stage}/{group}/share_above_0.3": (expit(means[level] + TAU * z) > 0.3).mean(),
            }
            if level:
                known[f"{stage}/{group} vs high/risk_ratio"] = averages[level] / averages[0]
            for key, truth in known.items():
                draws = found[key]
                assert abs(draws.mean() - truth) < 3.5 * draws.std(), key
                assert draws.std() < 0.12 * max(1, truth), key
    # The total effects have opposite signs, and each stage its own steps.
    steps = posterior["specification_quality_simplex"].mean(("chain", "draw")).to_numpy()
    assert steps[0, 0] > 0.6
    assert steps[1, 1] > 0.6
    totals = posterior["specification_quality_total"].mean(("chain", "draw")).to_numpy()
    assert totals[0] < -0.6
    assert totals[1] > 1.0
