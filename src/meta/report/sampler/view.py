"""What the figures of the sampler show of a stored fit: worst quantities, divergences, energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

from meta.checks.worst_quantities import WorstQuantities, named_quantities, worst_quantities
from meta.config import Gate
from meta.inference.top_parameters import TOP_PARAMETERS

#: Draws of a chain that are drawn as a trace, beside those that diverged.
TRACE_DRAWS = 150
#: Divergent transitions that are marked, at most.
MARKED = 500
#: Draws of a chain that are ranked, at least, however few they are worth.
RANKED = 100
#: P-value from which an even rank has outweighed all others.
ONE = 0.999
#: Parameters of which prior and posterior are drawn, at most.
PRIORS_SHOWN = 18
#: Draws that a density is estimated from.
DENSITY_DRAWS = 4000


@dataclass(frozen=True)
class SamplerView:
    """What is drawn of one fit.

    Attributes
    ----------
    worst
        Quantities that mix least.
    draws
        Dataset of all draws of the worst quantities. Its variables are called q00, q01, ..., since
        names of studies hold what names of variables may not; `names` has their names.
    ranked
        One in `ranked_step` of these draws: nearly independent, as a test of ranks supposes.
    ranked_step
        Draws from one that is ranked to the next.
    rank_p
        P-value of equal ranks in all chains, by quantity in the same order; no number where it
        would say nothing.
    thinned
        Groups `posterior` (of the worst quantities) and `sample_stats` (`diverging`), the same
        draws of each chain: every so many, and every one at which a marked transition diverged.
    divergences
        Number of divergent transitions of all chains; of imputed code sets, of all sets.
    energy
        Group `sample_stats` with `energy` (chain, draw), of the set with the smallest E-BFMI.
    energy_set
        Number of that imputed code set; None where nothing was imputed.
    e_bfmi
        E-BFMI by chain, with the imputed code set of the chain where there are any.
    beliefs
        Groups `prior` and `posterior` of top-level parameters, in the order of the model, called
        as those of `draws`.
    believed
        Names of these parameters.
    parameters
        Number of top-level parameters with a prior; `beliefs` has those that data moved least.
    gate
        Thresholds.
    """

    worst: WorstQuantities
    draws: xr.Dataset
    ranked: xr.Dataset
    ranked_step: int
    rank_p: list[float]
    thinned: xr.DataTree
    divergences: int
    energy: xr.DataTree
    energy_set: int | None
    e_bfmi: pd.DataFrame
    beliefs: xr.DataTree
    believed: list[str]
    parameters: int
    gate: Gate

    @property
    def names(self) -> list[str]:
        """Names of the worst quantities, the worst first."""
        return [str(name) for name in self.worst.table["name"]]

    @property
    def chains(self) -> list[int]:
        """Numbers of the chains that are drawn."""
        return [int(c) for c in self.draws["chain"].to_numpy()]

    @property
    def paired(self) -> list[str]:
        """The two worst top-level parameters, by size and by R-hat, and the worst of a unit."""
        table = self.worst.table
        top = table[table["level"] == "top"]
        least_agreed = self.names[int(top["r_hat"].fillna(np.inf).to_numpy().argmax())]
        wanted = [self.names[0], least_agreed, *self.names[1:2]]
        chosen = list(dict.fromkeys(wanted))[:2]
        unit = table.loc[table["level"] == "unit", "name"]
        return [name for name in self.names if name in {*chosen, *unit}]

    @property
    def least_ess(self) -> float:
        """Effective sample size that the drawn chains must have: sizes are summed over sets."""
        return self.gate.ess_bulk / self.worst.sets

    @property
    def energy_chains(self) -> list[int]:
        """Numbers of the chains whose energy is drawn."""
        return [int(c) for c in self.energy["sample_stats"]["chain"].to_numpy()]

    @property
    def marked(self) -> int:
        """Divergent transitions that the figures mark."""
        return int(self.thinned["sample_stats"]["diverging"].sum())


def view_sampler(tree: xr.DataTree, gate: Gate) -> SamplerView:
    """Choose what is drawn of a fit.

    Parameters
    ----------
    tree
        Stored fit: groups `posterior`, `sample_stats` (`energy`, `diverging`) and `prior`.
    gate
        Thresholds, which are drawn as lines.

    Raises
    ------
    ValueError
        If the posterior has no top-level parameter that varies.
    """
    # Loaded once: stored files are compressed, and each quantity is a slice of a variable.
    posterior = tree["posterior"].to_dataset().load()
    stats = tree["sample_stats"].to_dataset()[["energy", "diverging"]].load()
    worst = worst_quantities(posterior)
    energy, energy_set, e_bfmi = _energy(stats)
    draws = _numbered(worst.draws)
    step = _ranked_step(worst)
    ranked = draws.isel(draw=slice(None, None, step))
    beliefs, believed, parameters = _beliefs(tree["prior"].to_dataset(), posterior)
    return SamplerView(
        worst=worst,
        draws=draws,
        ranked=ranked,
        ranked_step=step,
        rank_p=_rank_p(ranked),
        thinned=_thinned(draws, stats["diverging"]),
        divergences=int(stats["diverging"].sum()),
        energy=energy,
        energy_set=energy_set,
        e_bfmi=e_bfmi,
        beliefs=beliefs,
        believed=believed,
        parameters=parameters,
        gate=gate,
    )


def _ranked_step(worst: WorstQuantities) -> int:
    one = next(iter(worst.draws.values()))
    least = float(worst.table[["ess_bulk", "ess_tail"]].to_numpy(float).min())
    worth = int(np.ceil(one.size / max(least, 1))) if np.isfinite(least) else one.size
    return max(1, min(worth, one.sizes["draw"] // RANKED))


def _rank_p(ranked: xr.Dataset) -> list[float]:
    dims = ("chain", "draw")
    ranks = ranked.azstats.compute_ranks(dim=dims, relative=True)
    found = ranks.azstats.mchain_uniformity_test(dim=dims)[0]
    values = (float(found[name]) for name in ranked.data_vars)
    # ArviZ joins p-values of single ranks by their Cauchy mean. One at which two chains are
    # exactly even has p = 1 and outweighs all others, however far apart these are.
    return [value if value < ONE else float("nan") for value in values]


def _thinned(draws: xr.Dataset, diverging: xr.DataArray) -> xr.DataTree:
    # A stored posterior may keep one in so many of the draws whose statistics are kept whole.
    at = diverging.astype(bool).reset_coords(drop=True).reindex_like(draws, fill_value=False)
    chains, places = np.nonzero(at.transpose("chain", "draw").to_numpy())
    few = np.unique(np.linspace(0, max(places.size - 1, 0), MARKED).astype(int))[: places.size]
    marks = np.zeros((at.sizes["chain"], at.sizes["draw"]), dtype=bool)
    marks[chains[few], places[few]] = True
    regular = np.linspace(0, at.sizes["draw"] - 1, TRACE_DRAWS).astype(int)
    kept = np.unique(np.concatenate([regular, places[few]]))
    mask = xr.DataArray(marks, dims=("chain", "draw"), coords=at.coords, name="diverging")
    return xr.DataTree.from_dict(
        {
            "/posterior": draws.isel(draw=kept),
            "/sample_stats": mask.isel(draw=kept).to_dataset(),
        }
    )


def _energy(stats: xr.Dataset) -> tuple[xr.DataTree, int | None, pd.DataFrame]:
    table = pd.DataFrame({"chain": stats["chain"].to_numpy()})
    imputed = "imputation" in stats.coords
    if imputed:
        table.insert(0, "set", stats["imputation"].to_numpy())
    table["e_bfmi"] = az.bfmi(stats["energy"].to_numpy())
    number = int(table["set"].iloc[int(table["e_bfmi"].to_numpy().argmin())]) if imputed else None
    own = np.flatnonzero(table["set"] == number) if imputed else slice(None)
    energy = stats[["energy"]].isel(chain=own).reset_coords(drop=True)
    return xr.DataTree.from_dict({"/sample_stats": energy}), number, table


def _beliefs(prior: xr.Dataset, posterior: xr.Dataset) -> tuple[xr.DataTree, list[str], int]:
    top = [name for name in TOP_PARAMETERS if name in posterior and name in prior]
    after, before = named_quantities(posterior, top), named_quantities(prior[top].load(), top)
    both = [name for name in after if name in before]
    moved = [float(after[name].var() / before[name].var()) for name in both]
    # Where data hardly move a parameter, its prior is what is reported.
    least = np.argsort(moved, kind="stable")[::-1][:PRIORS_SHOWN]
    shown = [name for i, name in enumerate(both) if i in set(least.tolist())]
    groups = {
        f"/{group}": _few(_numbered({name: source[name] for name in shown}))
        for group, source in (("prior", before), ("posterior", after))
    }
    return xr.DataTree.from_dict(groups), shown, len(both)


def _numbered(quantities: Mapping[str, xr.DataArray]) -> xr.Dataset:
    return xr.Dataset({f"q{i:02}": array for i, array in enumerate(quantities.values())})


def _few(dataset: xr.Dataset) -> xr.Dataset:
    """Evenly spaced draws of each chain, as many as a density needs."""
    number = max(1, DENSITY_DRAWS // dataset.sizes["chain"])
    step = max(1, dataset.sizes["draw"] // number)
    return dataset.isel(draw=slice(None, None, step)).reset_coords(drop=True)
