"""The benchmark against peers: what it compares is the same, and it says so when it is not."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

BENCHMARKS = Path(__file__).parents[2] / "benchmarks" / "peers"
sys.path.insert(0, str(BENCHMARKS))

import measure  # noqa: E402
import numbers_of_fits  # noqa: E402
import page  # noqa: E402
import problems  # noqa: E402
import summaries  # noqa: E402


def draws(shift: float, seed: int) -> dict[str, np.ndarray]:
    return {"alpha": np.random.default_rng(seed).normal(shift, 1, (4, 1000))}


def test_the_same_posterior_passes_and_a_shifted_one_does_not() -> None:
    same = [
        abs(numbers_of_fits.differences([draws(0, s)], [draws(0, s + 100)])["alpha"])
        for s in range(40)
    ]
    # Independent draws: the differences are standard normal.
    assert stats.kstest(same, stats.halfnorm.cdf).pvalue > 0.001
    assert max(same) < numbers_of_fits.LARGEST_Z
    off = numbers_of_fits.differences([draws(0.2, 1)], [draws(0, 2)])["alpha"]
    assert off == pytest.approx(0.2 / np.sqrt(2 / 4000), rel=0.25)
    assert off > numbers_of_fits.LARGEST_Z


def test_the_effective_sample_size_of_an_autoregression_is_its_known_one() -> None:
    rng, rho = np.random.default_rng(1), 0.6
    chain = np.empty((4, 20_000))
    chain[:, 0] = rng.normal(size=4) / np.sqrt(1 - rho**2)
    for t in range(1, chain.shape[1]):
        chain[:, t] = rho * chain[:, t - 1] + rng.normal(size=4)
    found = numbers_of_fits.smallest_ess({"tau": chain, "kappa": chain[:, ::-1] * 0 + chain})
    assert found == pytest.approx(chain.size * (1 - rho) / (1 + rho), rel=0.05)


def test_draws_are_read_as_r_writes_them(tmp_path: Path) -> None:
    # R writes a matrix (draws, chains) by columns: one chain after the other.
    matrices = [np.arange(6.0).reshape(3, 2), -np.arange(6.0).reshape(3, 2)]
    path = tmp_path / "draws.bin"
    np.concatenate([m.ravel(order="F") for m in matrices]).tofile(path)
    answer = {"names": ["alpha", "tau"], "draws": 3, "chains": 2}
    found = numbers_of_fits.read_draws(path, answer)
    assert found["alpha"].tolist() == [[0, 2, 4], [1, 3, 5]]
    assert found["tau"].tolist() == [[0, -2, -4], [-1, -3, -5]]


def test_both_sides_are_given_the_same_arms() -> None:
    problem = problems.PROBLEMS["10 sparse"]
    rows = problems.generated_rows(problem)
    design, _ = problems.design_and_task(problem.name, Path("none"), 1)
    given = problems.observations(design)
    assert given["y"].tolist() == rows["events_goal_failure"].tolist()
    assert given["n"].tolist() == rows["trials_goal_failure"].tolist()
    assert given["study"].tolist() == rows["study"].tolist()
    levels = problems.levels_of(problems.moderator_field(problems.MODERATOR, "denominator"))
    assert [levels[x - 1] for x in given["x"]] == rows[problems.MODERATOR].tolist()
    # The coefficient of mo() is the total effect over the steps between the levels.
    assert (problem.spec.effect(problems.MODERATOR), len(levels)) == ("monotonic", 5)


def test_growth_is_the_exponent_of_a_power() -> None:
    sizes = [100, 1000, 10_000]
    assert summaries.growth(sizes, [3 * s**1.2 for s in sizes]) == pytest.approx(1.2)


def test_without_r_it_is_named_and_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert measure.absent_packages() == ["R"]
    assert measure.r_versions() == {}


def test_the_page_is_that_of_the_committed_results(tmp_path: Path) -> None:
    copy = shutil.copy(BENCHMARKS / "peers.json", tmp_path)
    made = page.write_page(Path(copy)).read_text(encoding="utf-8")
    assert made == (BENCHMARKS / "README.md").read_text(encoding="utf-8")
