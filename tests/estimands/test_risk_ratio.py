"""Standardised risk ratios against integrals done row by row and study by study."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.special import expit

from meta.config import ModelSpec
from meta.estimands import all_estimates
from meta.models.design import Design, build_design

CHAINS, DRAWS, STUDIES = 1, 3, 200_000
TYPES = ["specification_gaming"] * 3 + ["goal_misgeneralization"] * 3


@pytest.fixture(scope="module")
def design() -> Design:
    table = pd.DataFrame(
        {
            "row_id": list("pqrstu"), "study": list("aaabcd"), "agent_set": list("ppqrst"),
            "failure_type": TYPES, "sampling_frame": "denominator",
            "conditioning": ["given_capability"] * 3 + ["all_trials"] * 3,
            "shift_type": ["none", "moderate", "none", "significant", "none", "moderate"],
            "year": [2019, 2019, 2019, 2021, 2023, 2026],
            "events_capability_transfer": pd.array([8, 9, 7, None, None, None], dtype="Int64"),
            "trials_capability_transfer": pd.array([10, 12, 9, None, None, None], dtype="Int64"),
            "events_goal_failure": pd.array([3, 0, 5, 20, 4, 6], dtype="Int64"),
            "trials_goal_failure": pd.array([8, 9, 7, 50, 9, 9], dtype="Int64"),
        }
    )  # fmt: skip
    spec = ModelSpec(
        stages=["capability_transfer", "goal_failure"], levels=["study", "agent_set"],
        moderators=["shift_type", "failure_type", "year"],
    )  # fmt: skip
    return build_design(table, spec)


@pytest.fixture(scope="module")
def posterior(design: Design) -> xr.Dataset:
    rng = np.random.default_rng(5)
    two = (CHAINS, DRAWS, 2)
    units = {lv.name: lv.units for lv in design.levels}
    dims = ("chain", "draw")
    logits = {
        f"{name}_logit": ((*dims, name, "stage"), rng.normal(size=(CHAINS, DRAWS, len(u), 2)))
        for name, u in units.items()
    }
    return xr.Dataset(
        {
            "alpha": ((*dims, "stage"), rng.normal(-0.5, 0.7, two)),
            "beta": (
                (*dims, "term", "stage"), rng.normal(0, 0.7, (CHAINS, DRAWS, len(design.terms), 2))
            ),
            "tau": ((*dims, "stage"), rng.uniform(0.5, 1.5, two)),
            "omega": ((*dims, "stage"), rng.uniform(0.2, 0.8, two)),
            "icc": ((*dims, "stage"), rng.uniform(0.1, 0.4, two)),
            "correlation": ((*dims, "stage_pair"), rng.uniform(-0.8, 0.8, (CHAINS, DRAWS, 1))),
            **logits,
        },
        coords={"stage": list(design.stages), "stage_pair": ["goal_failure~capability_transfer"],
                "term": design.terms, **units},
    )  # fmt: skip


def brute_force(posterior: xr.Dataset, draw: int, x: np.ndarray) -> np.ndarray:
    """Average rates (capability, goal failure, both) of simulated studies at the settings x."""
    at = posterior.isel(chain=0, draw=draw)
    rho = float(at["correlation"][0])
    rng = np.random.default_rng(draw)
    z = rng.standard_normal((STUDIES, 2)) @ np.linalg.cholesky([[1, rho], [rho, 1]]).T
    inner = at["omega"].to_numpy() * rng.standard_normal((STUDIES, 2))
    effects = z * at["tau"].to_numpy() + inner
    mean = []
    for row in x:
        rates = expit(at["alpha"].to_numpy() + row @ at["beta"].to_numpy() + effects)
        mean.append([*rates.mean(axis=0), rates.prod(axis=1).mean()])
    # Study a has three rows, which share one study's weight.
    weights = np.array([1 / 12] * 3 + [1 / 4] * 3)
    return weights @ np.array(mean)


@pytest.mark.parametrize(
    ("group", "changes"),
    [
        ("shift_type=significant vs none", {"shift_type": ("none", "significant")}),
        ("shift_type=extreme vs none", {"shift_type": ("none", "extreme")}),
        ("failure_type=goal_misgeneralization vs specification_gaming",
         {"failure_type": ("specification_gaming", "goal_misgeneralization")}),
        ("year=1 sd above mean vs mean", {}),
    ],
)  # fmt: skip
def test_ratio_of_averages_over_the_evidence(
    group: str, changes: dict[str, tuple[str, str]], posterior: xr.Dataset, design: Design
) -> None:
    found = {e.key: e for e in all_estimates(posterior, design, seed=1)}
    level = {"shift_type": dict(zip(
        ["none", "superficial", "moderate", "significant", "extreme"],
        np.tri(5, 4, k=-1), strict=True,
    ))}  # fmt: skip
    half = np.sqrt(0.5)
    signs = design.x[:, 4]
    assert np.abs(signs) == pytest.approx(np.full(6, half))
    level["failure_type"] = dict(zip(TYPES[::3], signs[::3, None], strict=True))
    where = {"shift_type": slice(0, 4), "failure_type": slice(4, 5), "year": slice(5, 6)}
    for draw in range(DRAWS):
        sides = []
        for side in (0, 1):
            x = design.x.copy()
            for name, values in changes.items():
                x[:, where[name]] = level[name][values[side]]
            if not changes:
                x[:, where["year"]] = side
            sides.append(brute_force(posterior, draw, x))
        outcomes = ("capability_transfer", "goal_failure", "capable_goal_failure")
        for o, outcome in enumerate(outcomes):
            ratio = found[f"{outcome}/{group}/risk_ratio"].draws[0, draw]
            difference = found[f"{outcome}/{group}/risk_difference"].draws[0, draw]
            # Both sides share the simulated studies, so most of their error cancels.
            assert ratio == pytest.approx(sides[1][o] / sides[0][o], rel=0.01)
            assert difference == pytest.approx(sides[1][o] - sides[0][o], abs=0.004)


def test_rows_behind_a_ratio_have_either_level(posterior: xr.Dataset, design: Design) -> None:
    found = {e.key: e for e in all_estimates(posterior, design, seed=1)}
    rows = found["goal_failure/shift_type=moderate vs none/risk_ratio"].rows
    assert rows.tolist() == [0, 1, 2, 4, 5]
    assert found["goal_failure/shift_type=extreme vs none/risk_ratio"].rows.size == 0
    assert "goal_failure/shift_type=none vs none/risk_ratio" not in found
