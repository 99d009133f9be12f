"""Second route to the risk of a profile: from the stored posteriors of a run, by simulation.

`meta risk` integrates over studies by quadrature, on draws that went through a design matrix, a
joining of two fits and 2,000 draws of it. Here the same risk is made of the parameters as they
are named in `posterior.nc`, of the rows of the imputed sets, and of nothing else of `meta`: for
each draw many studies are drawn, each with one agent set, and their rates multiplied. Only the
printed answer of `meta risk --json` is taken from the program.

    python benchmarks/risk_second_route.py --directory RUN

Both are of the same posterior, of other draws of it. Quantiles of the average over studies are
compared in units of their joint Monte Carlo error; 4 is the limit.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
import yaml
from scipy.special import expit

#: A profile with every setting at one level: no score between two levels, no pair of shifts.
PROFILE = {
    "shift": "significant",
    "specification": "0.2",
    "capability": "human_level",
    "diversity": "mixed",
    "alignment": "human_feedback",
}
#: Level of the evidence that the score stands for, in the document's table.
LOW = "low"
#: Draws of the posterior used, and studies simulated for each.
DRAWS, STUDIES = 4000, 2000
#: Draws behind the answers of `meta risk`.
SHOWN = 2000
OUTCOMES = ("capability_transfer", "goal_failure", "harm", "harmful_misgeneralization")
LIMIT = 4.0
CODEBOOK = Path(__file__).parents[1] / "src/meta/evidence/fields.yaml"
BOOTSTRAP = 400


def open_posterior(run: Path, model: str) -> xr.Dataset:
    """Stored draws of a model."""
    with xr.open_datatree(run / f"data/processed/fits/{model}/posterior.nc") as tree:
        return tree["posterior"].to_dataset().load()


def ordered_effect(posterior: xr.Dataset, field: str, level: str, stage: str) -> np.ndarray:
    """Effect of an ordinal field from its first level to one, by chain and draw."""
    total = posterior[f"{field}_total"].sel(stage=stage)
    shares = posterior[f"{field}_simplex"].sel(stage=stage)
    steps = [str(s) for s in shares[f"{field}_step"].to_numpy()]
    ends = [step[step.index("[") + 1 : -1].split(" to ")[1] for step in steps]
    if level not in ends:
        return np.zeros(total.shape)
    taken = shares.isel({f"{field}_step": slice(0, ends.index(level) + 1)})
    return np.asarray(total * taken.sum(f"{field}_step"))


def contrast_effect(
    posterior: xr.Dataset, weights: np.ndarray, field: str, stage: str
) -> np.ndarray:
    """Effect of a categorical field at weights of its levels (one level: a unit vector).

    Coefficients stand for orthonormal contrasts of the levels: the QR factor of a constant and the
    first levels' indicators.
    """
    size = len(weights)
    basis, _ = np.linalg.qr(np.column_stack([np.ones(size), np.eye(size)[:, : size - 1]]))
    free = "free_term" if "free_term" in posterior.dims else "term"
    named = posterior["beta_free" if free == "free_term" else "beta"].sel(stage=stage)
    mine = [str(t) for t in named[free].to_numpy() if str(t).startswith(f"{field}[")]
    return np.asarray(
        sum(named.sel({free: t}) * (weights @ basis[:, 1 + k]) for k, t in enumerate(mine))
    )


def by_set(values: np.ndarray, sets: int) -> np.ndarray:
    """Draws of each imputed set, shape (sets, draws): its chains follow one another."""
    return values.reshape(sets, -1, *values.shape[2:])


def rates_of_profile(run: Path, fields: dict[str, list[str]]) -> dict[str, np.ndarray]:
    """Location of capability and goal failure at the profile, and what varies, by set and draw."""
    posterior = open_posterior(run, "by_profile")
    rows = pd.read_parquet(run / "data/processed/codes/sets/by_profile.parquet")
    rows = rows[rows["imputation"] > 0]
    sets = rows["imputation"].nunique()
    found = {}
    for stage in ("capability_transfer", "goal_failure"):
        location = posterior["alpha"].sel(stage=stage).to_numpy()
        for field, level in (
            ("shift_type", PROFILE["shift"]),
            ("specification_quality", LOW),
            ("capability_level", PROFILE["capability"]),
            ("training_diversity", PROFILE["diversity"]),
        ):
            location = location + ordered_effect(posterior, field, level, stage)
        seen = set(rows["alignment_method"])
        levels = [level for level in fields["alignment_method"] if level in seen]
        unit = np.array([float(level == PROFILE["alignment"]) for level in levels])
        location = location + contrast_effect(posterior, unit, "alignment_method", stage)
        found[stage] = by_set(location, sets)
        for scale in ("tau", "omega"):
            found[f"{scale}_{stage}"] = by_set(posterior[scale].sel(stage=stage).to_numpy(), sets)
    found["correlation"] = by_set(posterior["correlation"].to_numpy()[..., 0], sets)
    return found


def harm_of_profile(run: Path, fields: dict[str, list[str]]) -> dict[str, np.ndarray]:
    """Location and spread of harm among catalogued failures at the profile's shift type."""
    posterior = open_posterior(run, "harm_by_shift_type")
    rows = pd.read_parquet(run / "data/processed/codes/sets/harm_by_shift_type.parquet")
    rows = rows[rows["imputation"] > 0]
    sets = rows["imputation"].nunique()
    location = posterior["alpha"].sel(stage="harm").to_numpy()
    location = location + ordered_effect(posterior, "shift_type", PROFILE["shift"], "harm")
    location = by_set(location, sets)
    levels = [level for level in fields["failure_type"] if level in set(rows["failure_type"])]
    for i, number in enumerate(sorted(rows["imputation"].unique())):
        part = rows[rows["imputation"] == number]
        # Lists weigh the same, and design cells within a list.
        shares = (
            pd.crosstab(part["study"], part["failure_type"], normalize="index")
            .reindex(columns=levels, fill_value=0.0)
            .mean()
        )
        effect = contrast_effect(posterior, shares.to_numpy(), "failure_type", "harm")
        effect = by_set(effect, sets)[i]
        location[i] = location[i] + effect
    return {
        "harm": location,
        "tau_harm": by_set(posterior["tau"].sel(stage="harm").to_numpy(), sets),
    }


def simulate(
    rates: dict[str, np.ndarray],
    harm: dict[str, np.ndarray],
    config: dict,
    rng: np.random.Generator,
) -> np.ndarray:
    """Average over studies of each stage and of the product, shape (DRAWS, 4)."""
    eta = config["priors"]["default"]["correlation"]["eta"]
    notorious = config["models"]["harm_by_shift_type"]["notoriety"]
    moved = config["chain"]["transport"]
    sets = len(rates["goal_failure"])
    found = np.empty((DRAWS, 4))
    for d in range(DRAWS):
        i = d % sets
        j = rng.integers(rates["goal_failure"].shape[1])
        k = rng.integers(harm["harm"].shape[1])
        rho = 2 * rng.beta(eta, eta) - 1
        r = rates["correlation"][i, j]
        corr = np.array([[1, r, r * rho], [r, 1, rho], [r * rho, rho, 1]])
        tau = np.array(
            [rates["tau_capability_transfer"][i, j], rates["tau_goal_failure"][i, j],
             harm["tau_harm"][i, k]]
        )  # fmt: skip
        notoriety = rng.normal(notorious["mu"], notorious["sigma"])
        transport = rng.normal(moved["mu"], moved["sigma"])
        centre = np.array(
            [rates["capability_transfer"][i, j], rates["goal_failure"][i, j],
             harm["harm"][i, k] - notoriety + transport]
        )  # fmt: skip
        studies = rng.multivariate_normal(centre, corr * np.outer(tau, tau), STUDIES)
        inner = np.array(
            [rates["omega_capability_transfer"][i, j], rates["omega_goal_failure"][i, j], 0.0]
        )
        stages = expit(studies + inner * rng.standard_normal(studies.shape))
        found[d, :3] = stages.mean(axis=0)
        found[d, 3] = stages.prod(axis=1).mean()
    return found


def quantiles(draws: np.ndarray) -> np.ndarray:
    """Lower end, median and upper end of each column, shape (3, columns)."""
    return np.quantile(draws, [0.025, 0.5, 0.975], axis=0)


def monte_carlo_error(draws: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Standard error of the quantiles of so many draws, by bootstrap, shape (3, columns)."""
    again = [quantiles(draws[rng.integers(len(draws), size=size)]) for _ in range(BOOTSTRAP)]
    return np.std(again, axis=0)


def answer(run: Path) -> pd.DataFrame:
    """What `meta risk` says of the profile: lower end, median and upper end by outcome."""
    command = ["meta", "risk", "--directory", str(run), "--json"]
    for option, value in PROFILE.items():
        command += [f"--{option}", value]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = pd.DataFrame(json.loads(said))
    mine = rows[(rows["mode"] == "evidence") & (rows["estimand"] == "rate_mean")]
    return mine.set_index("outcome").loc[list(OUTCOMES), ["low", "value", "high"]].astype(float)


def compare(run: Path, seed: int) -> list[dict[str, Any]]:
    """Both routes, their difference and its Monte Carlo error, for each outcome and quantile."""
    rng = np.random.default_rng(seed)
    config = yaml.safe_load((run / "config/config.yaml").read_text(encoding="utf-8"))
    # The order of categories is that of the codebook.
    fields = yaml.safe_load(CODEBOOK.read_text(encoding="utf-8"))["vocabularies"]
    fields = {field: list(values) for field, values in fields.items()}
    draws = simulate(rates_of_profile(run, fields), harm_of_profile(run, fields), config, rng)
    second, first = quantiles(draws), answer(run).to_numpy().T
    error = np.hypot(
        monte_carlo_error(draws, len(draws), rng), monte_carlo_error(draws, SHOWN, rng)
    )
    return [
        {
            "outcome": outcome, "quantile": quantile,
            "meta_risk": first[i, o], "second_route": second[i, o],
            "monte_carlo_error": error[i, o], "z": (first[i, o] - second[i, o]) / error[i, o],
        }
        for o, outcome in enumerate(OUTCOMES)
        for i, quantile in enumerate(("2.5%", "50%", "97.5%"))
    ]  # fmt: skip


def main() -> None:
    """Compare the two routes, write what was found, and fail where they differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, required=True, help="holds a finished run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    chosen = parser.parse_args()
    rows = compare(chosen.directory, chosen.seed)
    largest = max(abs(row["z"]) for row in rows)
    record = {
        "profile": PROFILE, "draws": DRAWS, "studies_per_draw": STUDIES, "seed": chosen.seed,
        "largest_z": largest, "limit": LIMIT, "rows": rows,
    }  # fmt: skip
    chosen.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(pd.DataFrame(rows).round(4).to_string(index=False))
    if largest > LIMIT:
        sys.exit(f"the two routes differ by {largest:.1f} Monte Carlo errors")


if __name__ == "__main__":
    main()
