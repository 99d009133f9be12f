"""Coverage: its simulator and its truths against scipy, its estimands against the report's."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import integrate, stats
from scipy.special import expit, logit
from statsmodels.stats.proportion import proportion_confint

from meta.checks.coverage import (
    ARMS,
    CAPABILITY,
    ESTIMANDS,
    ICC,
    RATES,
    STUDIES,
    TAUS,
    Block,
    Cell,
    CoverageError,
    block_design,
    blocks,
    covered,
    pooled_draws,
    simulate,
    truths,
)
from meta.checks.coverage_record import (
    REPLICATES,
    arm_sizes,
    cell_table,
    stale_coverage,
    worst,
    write_coverage,
)
from meta.config import FitTask
from meta.estimands import all_estimates
from meta.models.design import Design
from meta.priors import HalfNormal, PriorSet
from meta.report.coverage_figure import describe_worst, write_coverage_figure
from meta.settings_file import load_settings

ROOT = Path(__file__).parents[2]
SETTINGS = load_settings(ROOT)
TASK: FitTask = SETTINGS.task(SETTINGS.primary)
SIZES = np.array([40, 40, 40])


def test_the_grid_has_every_cell_once() -> None:
    cells = [cell for block in blocks() for cell in block.cells]
    assert len(cells) == len(set(cells)) == len(STUDIES) * len(TAUS) * len(RATES) * 2 == 72


@pytest.mark.parametrize("observed", [True, False])
def test_a_design_has_the_observations_of_its_block(observed: bool) -> None:
    design = block_design(Block(8, observed), TASK)
    assert len(design.levels[0].units) == 8
    assert [level.name for level in design.levels] == ["study"]
    assert design.through_capability.any() is np.bool_(not observed)
    assert design.row.size == 8 * ARMS * (2 if observed else 1)


def repeated(cell: Cell, times: int = 60) -> tuple[Design, np.ndarray, np.ndarray]:
    design = block_design(Block(cell.studies, cell.observed), TASK)
    rng = np.random.default_rng(3)
    made = [simulate(cell, design, SIZES, rng) for _ in range(times)]
    return design, np.stack([m["events"] for m in made]), np.stack([m["trials"] for m in made])


def test_simulated_goal_failures_are_beta_binomial_among_the_capable() -> None:
    design, events, trials = repeated(Cell(60, True, 0.0, 0.3))
    capable, goal = (np.flatnonzero(design.stage == o) for o in (0, 1))
    assert design.row[capable].tolist() == design.row[goal].tolist()
    np.testing.assert_array_equal(events[:, capable], trials[:, goal])
    # Among arms where all forty were capable, counts are beta-binomial with the true rate and icc.
    count = events[:, goal][trials[:, goal] == 40]
    size = (1 - ICC) / ICC
    law = stats.betabinom(40, 0.3 * size, 0.7 * size)
    assert count.size > 500
    observed = np.array([(count <= x).mean() for x in (0, 3, 8, 15, 25, 39)])
    expected = law.cdf([0, 3, 8, 15, 25, 39])
    assert np.abs(observed - expected).max() < 4 * 0.5 / np.sqrt(count.size)


def test_studies_differ_by_tau() -> None:
    """Arms of one study are alike by the variance between studies; without tau they are not."""
    alike = {}
    for tau in (0.0, 1.5):
        _, events, trials = repeated(Cell(60, False, tau, 0.3))
        rates = (events / trials).reshape(-1, ARMS)
        alike[tau] = np.cov(rates.T)[0, 1]
    capable = capability_moments()
    typical, mean_square = 0.3**2, normal_mean(lambda x: expit(logit(0.3) + 1.5 * x) ** 2)
    mean = normal_mean(lambda x: expit(logit(0.3) + 1.5 * x))
    assert alike[0.0] == pytest.approx(typical * capable[1] - (0.3 * capable[0]) ** 2, abs=0.006)
    expected = mean_square * capable[1] - (mean * capable[0]) ** 2
    assert alike[1.5] == pytest.approx(expected, abs=0.006)


def normal_mean(function: object) -> float:
    return integrate.quad(lambda x: function(x) * stats.norm.pdf(x), -10, 10)[0]


def capability_moments() -> tuple[float, float]:
    return (
        normal_mean(lambda x: expit(logit(CAPABILITY) + 0.5 * x)),
        normal_mean(lambda x: expit(logit(CAPABILITY) + 0.5 * x) ** 2),
    )


@pytest.mark.parametrize("tau", TAUS)
def test_truth_is_the_integral(tau: float) -> None:
    truth = truths(Cell(8, True, tau, 0.02))
    wanted = normal_mean(lambda x: expit(logit(0.02) + tau * x))
    assert truth["rate_typical"] == 0.02
    assert truth["rate_mean"] == pytest.approx(wanted, rel=2e-3)


def test_a_new_study_is_covered_by_its_share() -> None:
    cell = Cell(8, True, 1.5, 0.3)
    new = expit(logit(0.3) + 1.5 * np.random.default_rng(1).standard_normal(100_000))
    assert covered(cell, "rate_new", 0.1, 0.6) == pytest.approx(
        ((new > 0.1) & (new < 0.6)).mean(), abs=0.006
    )
    assert covered(cell, "rate_new", 0, 1) == pytest.approx(1)
    assert covered(Cell(8, True, 0.0, 0.3), "rate_new", 0.1, 0.2) == 0
    assert covered(cell, "rate_typical", 0.29, 0.31) == 1
    assert covered(cell, "rate_typical", 0.31, 0.9) == 0


def made_up_posterior(design: Design, draws: int = 300) -> xr.Dataset:
    rng = np.random.default_rng(2)
    stages = list(design.stages)
    units = design.levels[0].units
    shape = (2, draws, 2)
    at = ("chain", "draw")
    return xr.Dataset(
        {
            "alpha": ((*at, "stage"), rng.normal(0, 1, shape)),
            "tau": ((*at, "stage"), np.abs(rng.normal(0, 1, shape))),
            "icc": ((*at, "stage"), rng.beta(1, 3, shape)),
            "correlation": ((*at, "stage_pair"), rng.uniform(-0.5, 0.5, (2, draws, 1))),
            "study_logit": ((*at, "study", "stage"), rng.normal(0, 1, (2, draws, len(units), 2))),
        },
        coords={"stage": stages, "study": units, "stage_pair": [f"{stages[1]}~{stages[0]}"]},
    )


def test_the_estimands_are_those_of_the_report() -> None:
    design = block_design(Block(3, True), TASK)
    posterior = made_up_posterior(design)
    ours = pooled_draws(posterior, np.random.default_rng(4))
    theirs = {e.key: e.draws.ravel() for e in all_estimates(posterior, design, seed=5)}
    for name in ("rate_typical", "rate_mean"):
        np.testing.assert_allclose(ours[name], theirs[f"goal_failure/all/{name}"], atol=1e-4)
    same = stats.ks_2samp(ours["rate_new"], theirs["goal_failure/all/rate_new"])
    assert same.pvalue > 1e-3


@pytest.mark.parametrize("name", ["omega", "phi", "split", "df", "beta", "tau_delta"])
def test_a_model_with_more_than_study_effects_is_refused(name: str) -> None:
    design = block_design(Block(3, True), TASK)
    posterior = made_up_posterior(design).assign({name: lambda x: x["tau"]})
    with pytest.raises(CoverageError, match=name):
        pooled_draws(posterior, np.random.default_rng(4))


def made_up_fits(replicates: int = 40) -> pd.DataFrame:
    """Fits that cover in all replicates but those of one cell, which cover in every fourth."""
    rng = np.random.default_rng(6)
    rows = []
    for block in blocks():
        for cell in block.cells:
            bad = cell == Cell(3, False, 1.5, 0.9)
            for number in range(replicates):
                for estimand in ESTIMANDS:
                    hit = float(not bad or estimand != "rate_mean" or number % 4 == 0)
                    rows.append(
                        {
                            **vars(cell), "replicate": number, "estimand": estimand,
                            "truth": cell.rate, "mean": cell.rate + rng.normal(0.1, 0.2),
                            "low": 0.1, "high": 0.7, "covered": hit, "ess": 300.0,
                            "divergences": number % 2,
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def cells() -> pd.DataFrame:
    return cell_table(made_up_fits())


def test_cells_are_summarised_with_their_monte_carlo_error(cells: pd.DataFrame) -> None:
    assert len(cells) == 72 * 3
    bad = cells[cells["coverage"] < 0.9]
    assert bad[["studies", "observed", "tau", "rate"]].to_numpy().tolist() == [[3, False, 1.5, 0.9]]
    row = bad.iloc[0]
    wilson = proportion_confint(10, 40, method="wilson")
    assert (row["coverage_low"], row["coverage_high"]) == pytest.approx(wilson)
    assert row["bias"] == pytest.approx(0.1, abs=4 * row["bias_error"])
    assert row["bias_error"] == pytest.approx(0.2 / np.sqrt(40), rel=0.5)
    assert row["width"] == pytest.approx(0.6)
    assert row["divergent"] == 0.5


def test_the_worst_cell_is_named(cells: pd.DataFrame, tmp_path: Path) -> None:
    assert worst(cells)["rate_mean"]["studies"] == 3
    said = describe_worst(cells)
    for part in ("average over studies", "3 studies", "tau 1.5", "not observed", "0.25"):
        assert part in said
    write_coverage_figure(cells, 0.95, tmp_path / "coverage.svg")
    drawn = (tmp_path / "coverage.svg").read_text()
    assert "worst: 0.25" in drawn
    assert said in drawn


def test_it_is_bound_to_the_model(tmp_path: Path) -> None:
    write_coverage(made_up_fits(2), TASK, 0.95, "2026-11-21", tmp_path)
    assert stale_coverage(tmp_path, TASK) == []
    other = TASK.model_copy(update={"priors": PriorSet(tau=HalfNormal(sigma=0.5))})
    assert "specification" in stale_coverage(tmp_path, other)[0]
    with pytest.raises(CoverageError, match="make coverage"):
        stale_coverage(tmp_path / "none", TASK)


def test_the_committed_coverage_is_current() -> None:
    folder = ROOT / "calibration" / "coverage"
    assert stale_coverage(folder, TASK) == []
    assert len(pd.read_csv(folder / "coverage.csv")) == 72 * len(ESTIMANDS)
    assert (folder / "coverage.svg").is_file()


def test_the_committed_coverage_is_complete() -> None:
    table = pd.read_csv(ROOT / "calibration" / "coverage" / "coverage.csv")
    assert table["replicates"].min() >= REPLICATES


def test_sizes_are_those_of_the_arms(tmp_path: Path) -> None:
    rows = pd.DataFrame({"trials_goal_failure": pd.array([5, 0, pd.NA, 9], dtype="Int64")})
    rows.to_parquet(tmp_path / "m.parquet")
    assert arm_sizes(tmp_path / "m.parquet").tolist() == [5, 9]
