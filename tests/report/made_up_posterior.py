"""A posterior made with numpy, of which the worst quantities and the divergences are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from scipy.signal import lfilter

from meta.inference.store import write_fit
from meta.settings_file import load_settings

ROOT = Path(__file__).parents[2]
CHAINS, DRAWS = 4, 400
STAGES = ["capability_transfer", "goal_failure"]
#: Of an outsider: mathematics, markup, a path, and longer than any panel.
HOSTILE = "$\\frac{a}{$<b onload='x'>\"&amp;/../=cmd " + "long" * 40
STUDIES = ["smith_2024", HOSTILE, "jones_2025"]
#: Chain and draw of each divergent transition.
DIVERGED = {(1, 37), (3, 399)}
WORST_UNIT = f"study_logit[{HOSTILE}, goal_failure]"


def autoregressive(
    rng: np.random.Generator, strength: float, chains: int = CHAINS, draws: int = DRAWS
) -> np.ndarray:
    """Draws (chain, draw) of unit variance, each so strongly tied to the one before."""
    noise = rng.normal(size=(chains, draws)) * (1 - strength**2) ** 0.5
    noise[:, 0] /= (1 - strength**2) ** 0.5
    return lfilter([1.0], [1.0, -strength], noise, axis=1)


def made_up_tree(chains: int = CHAINS) -> xr.DataTree:
    """A fit: `tau[goal_failure]` mixes least, of units that of the study with the hostile name."""
    rng = np.random.default_rng(7)
    shape = (chains, DRAWS)
    alpha, tau = rng.normal(size=(*shape, 2)), np.abs(rng.normal(1, 0.2, size=(*shape, 2)))
    tau[..., 1] = np.exp(autoregressive(rng, 0.9, chains) / 4)
    units = rng.normal(size=(*shape, len(STUDIES), 2))
    units[..., 1, 1] = autoregressive(rng, 0.97, chains)
    # The diagonal of a correlation has no R-hat: it must be left out, not be the worst.
    correlation = np.stack([np.ones(shape), rng.uniform(-1, 1, size=shape)], axis=-1)
    coords = {"chain": np.arange(chains), "draw": np.arange(DRAWS), "stage": STAGES,
              "study": STUDIES}  # fmt: skip
    sampled = ("chain", "draw")
    energy = rng.normal(size=shape)
    energy[2 % chains] = autoregressive(rng, 0.9, 1)[0]
    diverging = np.zeros(shape, dtype=bool)
    for chain, draw in DIVERGED:
        diverging[chain, draw] = True
    prior = {
        "alpha": (("chain", "draw", "stage"), rng.normal(0, 1.5, size=(1, 2000, 2))),
        "tau": (("chain", "draw", "stage"), np.abs(rng.normal(size=(1, 2000, 2)))),
    }
    return xr.DataTree.from_dict(
        {
            "/posterior": xr.Dataset(
                {
                    "alpha": ((*sampled, "stage"), alpha),
                    "tau": ((*sampled, "stage"), tau),
                    "correlation": ((*sampled, "pair"), correlation),
                    "study_logit": ((*sampled, "study", "stage"), units),
                },
                coords=coords,
            ),
            "/sample_stats": xr.Dataset(
                {"energy": (sampled, energy), "diverging": (sampled, diverging)},
                coords={name: coords[name] for name in sampled},
            ),
            "/prior": xr.Dataset(prior, coords={"chain": [0], "stage": STAGES}),
        }
    )


def write_made_up_fit(path: Path) -> xr.DataTree:
    """Write that fit with the record of the shipped primary model."""
    task = load_settings(ROOT).task("rates")
    record = {"model": "rates", "task": task.model_dump(mode="json"),
              "spec_hash": task.spec_hash, "data_hash": "da7a"}  # fmt: skip
    tree = made_up_tree()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_fit(tree, record, path)
    return tree
