"""Figures of the sampler: ArviZ's own plots of the chosen draws, each with the data it draws."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import arviz_plots as azp
import matplotlib
import numpy as np
import pandas as pd
import xarray as xr
from arviz_base.labels import MapLabeller
from cycler import cycler
from matplotlib import pyplot
from matplotlib.figure import Figure

from meta.report.sampler.view import SamplerView

WIDTH = 3.7  # inches: what a phone shows, at 100 pixels an inch
COLUMNS = 2
PANEL, BELIEF_PANEL, TITLE_LINE = 1.15, 0.8, 0.125  # inches: of a panel, of a line of its name
#: Okabe and Ito's palette, darkened for white paper: chains, then what is set beside them.
COLOURS = ("#0072b2", "#c24e00", "#00785a", "#a8467f", "#7a5c00", "#56b4e9")
MARK = "#b3001b"
BELIEFS = ("#7a828c", COLOURS[0])
SETTINGS: dict[Any, Any] = {
    "font.size": 8.0,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 0.9,
    "lines.markersize": 3.0,
    "axes.prop_cycle": cycler(color=list(COLOURS)),
    "figure.facecolor": "white",
    "figure.dpi": 100.0,
    # Names are of studies and agents: a dollar sign is a dollar sign.
    "text.parse_math": False,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
}
#: P-value below which ranks are marked as uneven.
RANK_ALPHA = 0.01
#: Points of a drawn curve that its table keeps.
POINTS = 50
KINDS_OF_ESS = ("ess_bulk", "ess_tail")


@dataclass(frozen=True)
class Drawn:
    """A figure and the numbers it draws."""

    figure: Figure
    data: pd.DataFrame


def draw_figures(view: SamplerView) -> dict[str, Drawn]:
    """Draw every figure of a fit.

    Parameters
    ----------
    view
        What is drawn.

    Returns
    -------
    dict
        By name: `rank`, `trace`, `ess`, `energy`, `pair` and `prior_posterior`. Whoever draws
        closes them (`matplotlib.pyplot.close`).
    """
    kinds: dict[str, Callable[[SamplerView], Drawn]] = {
        "rank": _rank,
        "trace": _trace,
        "ess": _ess,
        "energy": _energy,
        "pair": _pair,
        "prior_posterior": _prior_posterior,
    }
    pyplot.switch_backend("agg")
    found = {}
    for name, draw in kinds.items():
        with matplotlib.rc_context(SETTINGS):
            found[name] = draw(view)
    return found


@dataclass(frozen=True)
class Labels:
    """Names of the panels, broken into lines."""

    texts: Sequence[str]

    @property
    def labeller(self) -> MapLabeller:
        """The names as ArviZ takes them."""
        return MapLabeller({f"q{i:02}": text for i, text in enumerate(self.texts)})

    def panels(self, height: float) -> dict[str, Any]:
        """Arguments of a plot of two columns, with panels of some height (inches) below a name."""
        lines = max(text.count("\n") for text in self.texts) + 1
        rows = -(-len(self.texts) // COLUMNS)
        return {
            "col_wrap": min(COLUMNS, len(self.texts)),
            "backend": "matplotlib",
            "figure_kwargs": _size(rows * (height + TITLE_LINE * lines) + 0.3),
        }


def labels_of(names: Sequence[str], width: int = 26, lines: int = 5) -> Labels:
    """Break names into lines that fit a panel.

    Parameters
    ----------
    names
        As ArviZ writes them, such as `tau[goal_failure]`.
    width, lines
        Characters of a line, and lines, at most; what is too long ends in an ellipsis.
    """
    return Labels([_broken(name, width, lines) for name in names])


def _broken(name: str, width: int, lines: int) -> str:
    printable = "".join(c if c.isprintable() else " " for c in name)
    variable, bracket, rest = printable.partition("[")
    broken = [variable]
    if rest:
        broken.append("")
        # Names have few spaces: a line may end behind any of the characters that join words.
        for word in re.findall(rf"[^ _~/:,]{{0,{width - 1}}}[ _~/:,]?", bracket + rest):
            if broken[-1] and len(broken[-1]) + len(word.rstrip()) > width:
                broken.append("")
            broken[-1] += word
    broken = [line.strip()[:width] for line in broken]
    if len(broken) > lines:
        broken = [*broken[: lines - 1], broken[lines - 1][: width - 1] + "…"]
    return "\n".join(broken)


def _size(height: float) -> dict[str, Any]:
    return {"figsize": (WIDTH, height), "figsize_units": "inches", "layout": "constrained"}


def _figure(collection: Any) -> Figure:
    figure: Figure = collection.viz["figure"].item()
    return figure


def _legend(collection: Any, handles: Sequence[Any], labels: Sequence[str]) -> None:
    _figure(collection).legend(
        list(handles), list(labels), loc="outside lower center", ncols=min(4, len(labels)),
        frameon=False,
    )  # fmt: skip


def _chain_legend(collection: Any, visual: str, view: SamplerView) -> None:
    lines = collection.viz[visual]["q00"].to_numpy()
    _legend(collection, lines, [f"chain {number}" for number in view.chains])


def _curves(artists: xr.DataArray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Label along the only dimension, x and y of each drawn line, at a few of its points."""
    (dim,) = artists.dims
    for label, line in zip(artists[dim].to_numpy(), artists.to_numpy(), strict=True):
        x, y = (np.asarray(each, dtype=float) for each in line.get_data())
        few = np.unique(np.linspace(0, x.size - 1, POINTS).astype(int))
        yield str(label), x[few], y[few]


def _by_quantity(
    names: Sequence[str], parts: Mapping[str, pd.DataFrame], index: list[str]
) -> pd.DataFrame:
    """One column a quantity, called by its name, of tables with the same `index` and `value`."""
    columns = [parts[f"q{i:02}"].set_index(index)["value"] for i in range(len(names))]
    return pd.concat(columns, axis=1, keys=names).reset_index()


def _rank(view: SamplerView) -> Drawn:
    labels = labels_of(view.names)
    collection = azp.plot_rank(
        xr.DataTree.from_dict({"/posterior": view.ranked}),
        labeller=labels.labeller,
        envelope_prob=1 - RANK_ALPHA,
        visuals={
            "xlabel": {"text": "fractional rank"},
            "remove_axis": False,
        },
        **labels.panels(PANEL),
    )
    figure = _figure(collection)
    texts = [text for ax in figure.axes for text in ax.texts if text.get_text().startswith("p=")]
    for text, p in zip(texts, view.rank_p, strict=True):
        text.set_text(_rank_text(p))
    _chain_legend(collection, "ecdf_lines", view)
    parts = {
        str(name): pd.concat(
            pd.DataFrame({"chain": chain, "point": np.arange(x.size), "rank": x, "value": y})
            for chain, (_, x, y) in zip(
                view.chains, _curves(collection.viz["ecdf_lines"][name]), strict=True
            )
        )
        for name in view.ranked.data_vars
    }
    return Drawn(_figure(collection), _by_quantity(view.names, parts, ["chain", "point", "rank"]))


def _rank_text(p: float) -> str:
    return f"p = {p:.2f} (α = {RANK_ALPHA:g})" if math.isfinite(p) else "no p"


def _trace(view: SamplerView) -> Drawn:
    labels = labels_of(view.names)
    collection = azp.plot_trace(
        view.thinned,
        labeller=labels.labeller,
        visuals={
            "trace": {"width": 0.5, "alpha": 0.85},
            "divergence": {"color": MARK, "size": 40, "width": 1.2},
        },
        **labels.panels(PANEL),
    )
    _chain_legend(collection, "trace", view)
    return Drawn(_figure(collection), _thinned_table(view, view.names))


def _thinned_table(view: SamplerView, names: Sequence[str]) -> pd.DataFrame:
    posterior, stats = (view.thinned[each].to_dataset() for each in ("posterior", "sample_stats"))
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    columns = {
        "chain": np.repeat(_coordinate(posterior, "chain"), draws),
        "draw": np.tile(_coordinate(posterior, "draw"), chains),
        "diverging": stats["diverging"].transpose("chain", "draw").to_numpy().ravel().astype(int),
    }
    for i, name in enumerate(view.names):
        if name in names:
            columns[name] = posterior[f"q{i:02}"].transpose("chain", "draw").to_numpy().ravel()
    return pd.DataFrame(columns)


def _coordinate(dataset: xr.Dataset, dim: str) -> np.ndarray:
    return np.asarray(dataset[dim].to_numpy())


def _ess(view: SamplerView) -> Drawn:
    labels = labels_of(view.names)
    collection = azp.plot_ess_evolution(
        xr.DataTree.from_dict({"/posterior": view.draws}),
        labeller=labels.labeller,
        min_ess=view.least_ess,
        visuals={
            "xlabel": {"text": "draws of all chains"},
            "ess_bulk": {"color": COLOURS[0], "size": 6},
            "ess_bulk_line": {"color": COLOURS[0]},
            "ess_tail": {"color": COLOURS[1], "size": 6},
            "ess_tail_line": {"color": COLOURS[1]},
        },
        **labels.panels(PANEL),
    )
    viz = collection.viz
    handles = [viz[f"{part}_line"]["q00"].item() for part in KINDS_OF_ESS]
    handles.append(viz["min_ess"]["q00"].item())
    _legend(collection, handles, ["bulk", "tail", "threshold"])
    parts = {
        str(name): pd.concat(
            pd.DataFrame({"kind": part, "draws": x, "value": y})
            for part in KINDS_OF_ESS
            for x, y in [viz[f"{part}_line"][name].item().get_data()]
        )
        for name in view.draws.data_vars
    }
    return Drawn(_figure(collection), _by_quantity(view.names, parts, ["kind", "draws"]))


def _energy(view: SamplerView) -> Drawn:
    collection = azp.plot_energy(
        view.energy,
        kind="kde",
        threshold=view.gate.e_bfmi,
        visuals={
            "legend": {"loc": "outside lower center", "ncols": 2, "frameon": False},
            "bfmi_points": {"size": 24, "color": COLOURS[2]},
            "ref_line": {"color": MARK},
        },
        backend="matplotlib",
        figure_kwargs={**_size(2.2), "width_ratios": [1, 2]},
    )
    figure = _figure(collection)
    points, densities = figure.axes[:2]
    chains = view.energy["sample_stats"].sizes["chain"]
    points.set_yticks(range(chains), [str(c) for c in view.energy_chains])
    points.set_title("E-BFMI")
    points.set_ylabel("chain")
    points.margins(x=0.2)
    densities.set_title("Energy, less its mean")
    curves = [
        pd.DataFrame({"series": f"{label} energy", "x": x, "y": y})
        for label, x, y in _curves(collection.viz["dist"]["Energy"])
    ]
    return Drawn(figure, pd.concat([*curves, _bfmi_table(view)], ignore_index=True))


def _bfmi_table(view: SamplerView) -> pd.DataFrame:
    table = view.e_bfmi
    sets = list(table["set"]) if "set" in table else []
    series = [f"E-BFMI (x) of chain (y) in imputed set {number}" for number in sets]
    series = series or ["E-BFMI (x) of chain (y)"] * len(table)
    return pd.DataFrame({"series": series, "x": table["e_bfmi"], "y": table["chain"]})


def _pair(view: SamplerView) -> Drawn:
    names = view.paired
    variables = [f"q{view.names.index(name):02}" for name in names]
    collection = azp.plot_pair(
        view.thinned,
        var_names=variables,
        labeller=labels_of(view.names, 15, 6).labeller,
        marginal_kind="kde",
        visuals={
            "scatter": {"alpha": 0.35, "size": 4, "color": COLOURS[0]},
            "dist": {"color": COLOURS[0]},
            "divergence": {"color": MARK, "size": 22, "alpha": 1, "marker": "x", "width": 1},
            "xlabel": {"size": 6},
            "ylabel": {"size": 6},
        },
        backend="matplotlib",
        figure_kwargs=_size(WIDTH),
    )
    return Drawn(_figure(collection), _thinned_table(view, names))


def _prior_posterior(view: SamplerView) -> Drawn:
    labels = labels_of(view.believed)
    with matplotlib.rc_context({"axes.prop_cycle": cycler(color=BELIEFS)}):
        collection = azp.plot_prior_posterior(
            view.beliefs,
            kind="kde",
            labeller=labels.labeller,
            **labels.panels(BELIEF_PANEL),
        )
    for legend in _figure(collection).legends:
        legend.remove()
    lines = collection.viz["dist"]["q00"]
    _legend(collection, lines.to_numpy(), [str(group) for group in lines["group"].to_numpy()])
    curves: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(view.believed):
        for group, x, y in _curves(collection.viz["dist"][f"q{i:02}"]):
            curves.setdefault(str(group), {}).update({name: x, f"density of {name}": y})
    # A column a quantity, lest its long name stand in every row.
    parts = [pd.DataFrame({"group": group, **columns}) for group, columns in curves.items()]
    return Drawn(_figure(collection), pd.concat(parts, ignore_index=True))
