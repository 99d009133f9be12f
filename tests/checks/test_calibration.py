"""Calibration: right code passes it, a wrong likelihood does not; shards join to one table."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from meta.checks.calibration import FEWEST_EFFECTIVE, Simulator, ranks, simulator
from meta.checks.uniformity import RANKED_DRAWS, rank_ecdf, uniformity
from meta.config import FitTask, ModelSpec, PriorSet, Sampler
from meta.models.chain import build_chain
from meta.models.design import Design, build_design

REPLICATES = 80


def table(studies: int = 12, trials: int = 40) -> pd.DataFrame:
    names = [f"s{i:02d}" for i in range(studies)]
    return pd.DataFrame(
        {
            "row_id": names,
            "study": names,
            "agent_set": names,
            "failure_type": "specification_gaming",
            "sampling_frame": "denominator",
            "conditioning": "all_trials",
            "events_goal_failure": pd.array([trials // 4] * studies, dtype="Int64"),
            "trials_goal_failure": pd.array([trials] * studies, dtype="Int64"),
        }
    )


def task(likelihood: str) -> FitTask:
    return FitTask(
        model="m",
        spec=ModelSpec(stages=["goal_failure"], likelihood=likelihood, levels=["study"]),
        priors=PriorSet(),
        sampler=Sampler(),
        seed=11,
    )


def one(likelihood: str) -> tuple[FitTask, Design]:
    made = task(likelihood)
    return made, build_design(table(), made.spec)


@pytest.fixture(scope="module")
def right() -> Simulator:
    made, design = one("beta_binomial")
    return simulator(design, made, REPLICATES)


@pytest.fixture(scope="module")
def calibrated(right: Simulator) -> pd.DataFrame:
    return ranks(right, range(REPLICATES), cores=2)


def test_the_shipped_likelihood_is_calibrated(calibrated: pd.DataFrame) -> None:
    verdict = uniformity(calibrated)
    assert set(verdict["quantity"]) == {
        "alpha[goal_failure]", "tau[goal_failure]", "icc[goal_failure]", "log_likelihood",
        "rate_mean[goal_failure, all]",
    }  # fmt: skip
    assert verdict["inside"].all(), verdict
    assert calibrated["rank"].between(0, RANKED_DRAWS).all()
    assert (calibrated["ess_bulk"] >= FEWEST_EFFECTIVE).mean() > 0.95


def test_a_wrong_likelihood_is_caught(right: Simulator) -> None:
    """Counts that vary between arms, fitted as if they did not: intervals come out too narrow."""
    made, design = one("binomial")

    def overdispersed(_: Design, priors: PriorSet) -> object:
        return build_chain(right.design, priors)

    wrong = simulator(design, made, 50, generator=overdispersed)
    verdict = uniformity(ranks(wrong, range(50), cores=2)).set_index("quantity")
    assert not verdict.loc["tau[goal_failure]", "inside"]


def test_shards_give_the_table_of_the_whole(right: Simulator, calibrated: pd.DataFrame) -> None:
    shard = ranks(right, range(5, 7), cores=1)
    whole = calibrated[calibrated["replicate"].isin([5, 6])].reset_index(drop=True)
    pd.testing.assert_frame_equal(shard, whole)


@pytest.mark.parametrize(
    ("shape", "inside"), [((1, 1), True), ((2, 2), False), ((0.6, 0.6), False)]
)
def test_bands_hold_uniform_ranks_and_no_others(shape: tuple[float, float], inside: bool) -> None:
    fraction = stats.beta(*shape).ppf((np.arange(400) + 0.5) / 400)
    rank = np.floor(fraction * (RANKED_DRAWS + 1)).astype(int)
    _, ecdf, lower, upper = rank_ecdf(rank, 0.95)
    assert bool(((lower <= ecdf) & (ecdf <= upper)).all()) is inside
