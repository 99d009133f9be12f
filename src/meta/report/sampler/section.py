"""What the page of checks says of how a model was sampled: figures, and how to read them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from meta.plural import counted
from meta.report.calibration import Status

#: Name of the folder of figures within the site.
FIGURES = "figures"
#: Figures whose numbers are all in the file of another.
DATA_OF = {"pair": "trace"}
#: Name of the file of some draws within the folder of a model.
THINNED = "posterior_thinned.nc"


@dataclass(frozen=True)
class SamplerFigures:
    """Figures of a fit as they lie beside the page.

    Attributes
    ----------
    record
        Content of `figures.json`.
    address
        Address of their folder, from the page.
    size
        How large the file of all draws is, for a reader; empty where it is not there.
    thinned_size
        How large the file of some draws is.
    """

    record: Mapping[str, Any]
    address: str
    size: str
    thinned_size: str


@dataclass(frozen=True)
class ShownFigure:
    """An image of the page with its words."""

    source: str
    data: str
    width: int
    height: int
    alt: str
    title: str
    reading: str


@dataclass(frozen=True)
class SamplerSection:
    """How one model was sampled, as the page tells it."""

    address: str
    figures: list[ShownFigure]
    quantities: list[dict[str, str]]
    said: list[str]
    size: str
    thinned: str
    thinned_said: str
    snippet: list[str]
    calibration: Status
    calibration_figure: str


def load_sampler_figures(model: str, figures: Path, fit: Path) -> SamplerFigures | None:
    """Read what the figures of a model are of; None where none were drawn.

    Parameters
    ----------
    model
        Name of the model.
    figures
        Folder of the figures of all models; the site is the folder that holds it.
    fit
        Folder of the fit, which holds `posterior.nc`.
    """
    record = figures / model / "figures.json"
    if not record.is_file():
        return None
    posterior, thinned = fit / "posterior.nc", figures / model / THINNED
    return SamplerFigures(
        record=json.loads(record.read_text(encoding="utf-8")),
        address=f"{quote(figures.name)}/{quote(model)}",
        size=f"{posterior.stat().st_size / 1e6:,.1f} MB" if posterior.is_file() else "",
        thinned_size=f"{thinned.stat().st_size / 1e3:,.0f} kB",
    )


def sampler_section(
    stored: SamplerFigures, calibration: Status, calibrated: bool
) -> SamplerSection:
    """Say how a model was sampled.

    Parameters
    ----------
    stored
        Figures of the model.
    calibration
        What its calibration proves.
    calibrated
        Whether a figure of the calibration lies beside the others.
    """
    record = stored.record
    figures = [
        ShownFigure(
            source=f"{stored.address}/{each['name']}.png",
            data=f"{stored.address}/{DATA_OF.get(each['name'], each['name'])}.csv",
            width=each["width"],
            height=each["height"],
            alt=ALT[each["name"]](record),
            title=TITLES[each["name"]],
            reading=READINGS[each["name"]](record),
        )
        for each in record["figures"]
    ]
    return SamplerSection(
        address=stored.address,
        figures=figures,
        quantities=[_quantity(row) for row in record["quantities"]],
        said=_said(record),
        size=stored.size,
        thinned=f"{stored.address}/{THINNED}",
        thinned_said=f"{record['thinned']:,} evenly spaced draws of the top-level parameters, "
        f"{stored.thinned_size}",
        snippet=_snippet(record),
        calibration=calibration,
        calibration_figure=f"{stored.address}/calibration.svg" if calibrated else "",
    )


def _number(value: float | None, digits: str) -> str:
    return "none" if value is None else format(value, digits)


def _quantity(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": str(row["name"]),
        "level": "unit" if row["level"] == "unit" else "top level",
        "r_hat": _number(row["r_hat"], ".4f"),
        "bulk": _number(row["ess_bulk"], ",.0f"),
        "tail": _number(row["ess_tail"], ",.0f"),
        "p": _number(row["rank_p"], ".3f"),
    }


def _said(record: Mapping[str, Any]) -> list[str]:
    chains = counted(record["chains"], "chain")
    said = [
        f"Shown are {chains} of {record['draws']:,} draws: top-level parameters that mix least, "
        "and of all quantities of a study, agent set or arm the one with the smallest bulk "
        f"effective sample size. {_divergences(record)}"
    ]
    if record["sets"] > 1:
        said.append(
            f"This model is fitted to {record['sets']} imputed code sets, each with codes of its "
            "own, so that chains of different sets need not agree, and ranks across them would "
            "say nothing of the sampler. Shown are the chains of one set: set "
            f"{record['imputed_set']}, where they agree least on a top-level parameter, so that a "
            "small p is no surprise; the "
            f"energy is that of set {record['energy_set']}, with the smallest E-BFMI of all. "
            "Divergent transitions are counted in all sets, and the posterior beside the prior is "
            "that of all sets together."
        )
    return said


def _divergences(record: Mapping[str, Any]) -> str:
    number, marked = record["divergences"], record["marked"]
    if not number:
        return "No transition diverged."
    said = f"{counted(number, 'transition')} diverged"
    if marked == number:
        return f"{said}; each is marked."
    where = "at other draws than are drawn" if record["sets"] == 1 else "of other draws or sets"
    return f"{said}; {marked:,} marked, the others are {where}."


def _snippet(record: Mapping[str, Any]) -> list[str]:
    variables = dict.fromkeys(str(q["name"]).partition("[")[0] for q in record["quantities"][:-1])
    names = ", ".join(f'"{name}"' for name in variables)
    return [
        "import arviz as az",
        f'fit = az.from_netcdf("{THINNED}")',
        f"az.plot_trace_dist(fit, var_names=[{names}])",
    ]


def _names(record: Mapping[str, Any]) -> str:
    return ", ".join(str(row["name"]) for row in record["quantities"])


def _rank_alt(record: Mapping[str, Any]) -> str:
    known = [row for row in record["quantities"] if row["rank_p"] is not None]
    least = min(known, key=lambda row: row["rank_p"], default=None)
    found = f" Smallest p: {least['rank_p']:.3f}, of {least['name']}." if least else ""
    return f"Rank plots of {counted(record['chains'], 'chain')}: {_names(record)}.{found}"


def _trace_alt(record: Mapping[str, Any]) -> str:
    chains = counted(record["chains"], "chain")
    return f"Traces of {chains}: {_names(record)}. {_divergences(record)}"


def _ess_alt(record: Mapping[str, Any]) -> str:
    ends = "; ".join(
        f"{row['name']} {_number(row['ess_bulk'], ',.0f')} and {_number(row['ess_tail'], ',.0f')}"
        for row in record["quantities"]
    )
    return f"Effective sample sizes as draws grow; bulk and tail at the end: {ends}."


def _energy_alt(record: Mapping[str, Any]) -> str:
    found = record["e_bfmi"]
    return (
        "Marginal and transition energy. E-BFMI of the chains "
        f"{_number(found['low'], '.2f')} to {_number(found['high'], '.2f')}, threshold "
        f"{found['threshold']:g}."
    )


def _pair_alt(record: Mapping[str, Any]) -> str:
    return f"Draws of {', '.join(record['pair'])} in pairs. {_divergences(record)}"


def _belief_alt(record: Mapping[str, Any]) -> str:
    return f"Densities of prior and posterior: {', '.join(record['beliefs'])}."


def _rank_reading(record: Mapping[str, Any]) -> str:
    step = record["ranked_step"]
    which = (
        f" One draw in {step} is ranked, so that they are nearly independent." if step > 1 else ""
    )
    return (
        "How ranks of each chain among all draws differ from even ones." + which + " Good: lines "
        "wander about zero. Bad: a chain keeps away from the others, which says that they are not "
        "of one distribution; p falls below α, with the draws to blame in black. Of a hundred "
        "good panels one does."
    ) + _without_p(record)


def _without_p(record: Mapping[str, Any]) -> str:
    if all(row["rank_p"] is not None for row in record["quantities"]):
        return ""
    return (
        " “No p” where the test gives 1: a rank at which chains are exactly even, as often happens "
        "with two, then outweighs all others, and the number says nothing. Look at the lines."
    )


def _trace_reading(_: Mapping[str, Any]) -> str:
    return (
        "Good: chains lie on one another as one band without trend. Bad: a chain apart, a drift, "
        "a chain that stays in one place. Red ticks at the foot are divergent transitions."
    )


def _ess_reading(record: Mapping[str, Any]) -> str:
    said = (
        "What the first so many draws are worth. Good: it grows with the draws and ends above the "
        "threshold (dashed). Bad: it levels off, and more draws would not help."
    )
    if record["sets"] > 1:
        said += (
            f" Sizes are summed over the {record['sets']} sets, so that the threshold of one is "
            f"{record['least_ess']:g}."
        )
    return said


def _energy_reading(record: Mapping[str, Any]) -> str:
    return (
        f"Good: every chain to the right of the line at {record['e_bfmi']['threshold']:g}, and "
        "both distributions alike. Bad: transitions much narrower than the marginal, so that the "
        "sampler hardly reaches the tails."
    )


def _pair_reading(_: Mapping[str, Any]) -> str:
    return (
        "Worst quantities against one another. Good: clouds without corners. Bad: funnels, and "
        "divergent transitions (red crosses) that gather in one place: the chains leave it out."
    )


def _belief_reading(record: Mapping[str, Any]) -> str:
    shown, number = len(record["beliefs"]), record["parameters"]
    few = f" The {shown} of {number} parameters that data moved least." if shown < number else ""
    return (
        "Grey: before any data; blue: after." + few + " Alike: data say little, and the prior is "
        "the answer. The blue at the edge of the grey: they disagree."
    )


TITLES = {
    "rank": "Ranks of the chains",
    "trace": "Traces",
    "ess": "Effective sample size by draws",
    "energy": "Energy",
    "pair": "Worst quantities in pairs",
    "prior_posterior": "Prior and posterior",
}
Words = Callable[[Mapping[str, Any]], str]
ALT: dict[str, Words] = {
    "rank": _rank_alt,
    "trace": _trace_alt,
    "ess": _ess_alt,
    "energy": _energy_alt,
    "pair": _pair_alt,
    "prior_posterior": _belief_alt,
}
READINGS: dict[str, Words] = {
    "rank": _rank_reading,
    "trace": _trace_reading,
    "ess": _ess_reading,
    "energy": _energy_reading,
    "pair": _pair_reading,
    "prior_posterior": _belief_reading,
}
