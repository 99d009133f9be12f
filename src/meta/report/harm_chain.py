"""Section on the chain with harm: what it comes to, what is behind it and what is judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import beta

from meta.config import STAGES
from meta.plural import counted, counted_on_average
from meta.report.chain_results import ChainResults
from meta.report.estimates import Estimate, estimated_percent, percent, percent_decimals
from meta.report.figures import Block, Strip, interval_plot
from meta.report.inputs import Fit, ReportInputs
from meta.report.notoriety import odds_factor
from meta.report.sensitivity import TextTable
from meta.report.svg import Drawing
from meta.report.tables import groups_of
from meta.report.verdict import stamp
from meta.report.wording import NO_CASE, estimand_name, group_name, outcome_name, spell

WHOLE = "harmful_misgeneralization"
OUTCOMES = (STAGES[-1], WHOLE)
SHOWN = ("rate_mean", "rate_new")


@dataclass(frozen=True)
class HarmLine:
    """One outcome of one group: its numbers, what is behind them, and what the data took away."""

    heading: str
    outcome: str
    cells: tuple[Estimate | None, ...]
    behind: str
    contraction: str


@dataclass(frozen=True)
class HarmPart:
    """One chain: figure, numbers, and the product under each correlation."""

    chain: ChainResults
    title: str
    figure: Drawing
    lines: tuple[HarmLine, ...]
    correlations: TextTable
    judged: str


@dataclass(frozen=True)
class Judgement:
    """A prior that no data inform: what it is of, and what it says."""

    name: str
    text: str


@dataclass(frozen=True)
class HarmSection:
    """All chains of a run, with what they rest on."""

    fits: tuple[Fit, ...]
    parts: tuple[HarmPart, ...]
    evidence: tuple[str, ...]
    judgements: tuple[Judgement, ...]
    columns: tuple[str, ...] = tuple(estimand_name(estimand).capitalize() for estimand in SHOWN)


def harm_section(inputs: ReportInputs) -> HarmSection | None:
    """Show rates joined to harm, or None where nothing is joined.

    Parameters
    ----------
    inputs : ReportInputs
        The stored results.
    """
    if not inputs.chains:
        return None
    named = {name for chain in inputs.chains for name in (chain.rates, chain.harm)}
    return HarmSection(
        tuple(fit for fit in inputs.fits if fit.name in named),
        tuple(_part(inputs, chain) for chain in inputs.chains),
        evidence(inputs.chains[0]),
        tuple(judgements(inputs.chains)),
    )


def evidence(chain: ChainResults) -> tuple[str, ...]:
    """Say what a chain has data of; without counts where it is of several groups."""
    rates, harm = (chain.row(outcome, "all", SHOWN[0]) for outcome in (WHOLE, OUTCOMES[0]))
    arms = (
        f"{counted(int(rates['k_rows']), 'arm')} of {counted(int(rates['k_studies']), 'study')}"
        if rates
        else "arms"
    )
    cases = f"{_behind(OUTCOMES[0], harm)}" if harm else "cases"
    return (
        f"How often capability transfers and the goal fails: {arms} with a denominator.",
        "Which share of the catalogued goal failures the coders call significantly harmful: "
        f"{cases}, which were written up because something failed.",
    )


def judgements(chains: Sequence[ChainResults]) -> list[Judgement]:
    """Say in words what the priors of what no data tell are; those of all chains, each once."""
    found = []
    for name, say in (
        ("Notoriety", _notoriety),
        ("Transport", _transport),
        ("Correlation", _correlation),
    ):
        said: dict[str, list[str]] = {}
        for chain in chains:
            said.setdefault(say(chain.record), []).append(spell(chain.rates))
        parts = [
            text if len(said) == 1 else f"{text} ({', '.join(models)})"
            for text, models in said.items()
        ]
        found.append(Judgement(name, " ".join(parts)))
    return found


def _notoriety(record: Mapping[str, Any]) -> str:
    factor = odds_factor(record["notoriety"]["mu"], record["notoriety"]["sigma"])
    return (
        "Harmful failures may be likelier to be written up: the odds of harm among the cases are "
        f"divided by a factor whose prior has the median {factor}."
    )


def _transport(record: Mapping[str, Any]) -> str:
    mu, sigma = float(record["transport"]["mu"]), float(record["transport"]["sigma"])
    centre = "No direction is known" if mu == 0 else "A direction is assumed"
    return (
        "The cases come from other systems and settings than the arms. "
        f"{centre}: the odds are multiplied by a factor whose prior has the median "
        f"{odds_factor(mu, sigma)}."
    )


def _correlation(record: Mapping[str, Any]) -> str:
    eta = float(record["eta"])
    end = float(1 - 2 * beta.ppf(0.025, eta, eta))
    return (
        "No study counts both, so nothing tells whether harm is likelier in studies whose goals "
        f"fail more often. The correlation has the prior LKJ({eta:g}), 95% of it between "
        f"-{end:.2f} and {end:.2f}; given goal failure, harm is taken not to hang on capability."
    )


def _part(inputs: ReportInputs, chain: ChainResults) -> HarmPart:
    groups = _groups(inputs, chain)
    blocks = [
        Block(_heading(outcome, group), _strips(chain, outcome, group))
        for group in groups
        for outcome in OUTCOMES
    ]
    title = _title(groups)
    figure = interval_plot(
        f"fig-harm-{chain.rates.replace('_', '-')}",
        f"With harm: {title[:1].lower() + title[1:]}",
        blocks,
        stamp(inputs, {chain.rates, chain.harm}),
    )
    lines = tuple(_line(chain, outcome, group) for group in groups for outcome in OUTCOMES)
    return HarmPart(chain, title, figure, lines, _correlations(chain), judged_sentence(chain))


def _groups(inputs: ReportInputs, chain: ChainResults) -> list[str]:
    """Groups of the model of rates; one that the chain does not have is shown as such."""
    joined = list(dict.fromkeys(chain.pooled["group"]))
    rates = [fit for fit in inputs.rate_fits if fit.name == chain.rates]
    own = groups_of(inputs, rates[0]) if rates and "all" not in joined else []
    return list(dict.fromkeys([*own, *joined]))


def _title(groups: Sequence[str]) -> str:
    fields = dict.fromkeys(group.partition("=")[0] for group in groups if group != "all")
    return f"By {' and '.join(map(spell, fields))}" if fields else "All settings together"


def _heading(outcome: str, group: str) -> str:
    name = outcome_name(outcome)
    return name if group == "all" else f"{name}: {group_name(group)}"


def _strips(chain: ChainResults, outcome: str, group: str) -> tuple[Strip, ...]:
    found = [chain.estimate(outcome, group, estimand) for estimand in SHOWN]
    return tuple(Strip(estimand_name(e.estimand), e) for e in found if e)


def _line(chain: ChainResults, outcome: str, group: str) -> HarmLine:
    cells = tuple(chain.estimate(outcome, group, estimand) for estimand in SHOWN)
    row = chain.row(outcome, group, SHOWN[0])
    if not row:
        return HarmLine(_heading(outcome, group), outcome, cells, NO_CASE, "")
    share = float(row["contraction"])
    taken = "not known" if math.isnan(share) else percent(share) if share > 0 else "none"
    return HarmLine(_heading(outcome, group), outcome, cells, _behind(outcome, row), taken)


def _behind(outcome: str, row: Mapping[str, Any]) -> str:
    cases = counted(int(row["k_cases"]), "case") if row["k_cases"] else "no case"
    if outcome == WHOLE:
        number, rows = int(row["k_studies"]), int(row["k_rows"])
        studies = counted_on_average(number, rows, "study") if rows else "no study"
        return f"{studies}, {cases}"
    return f"{cases} of {counted(int(row['k_studies']), 'list')}" if row["k_cases"] else cases


def judged_sentence(chain: ChainResults) -> str:
    """Say how much of what is uncertain of harm is judged; empty where that was not recorded."""
    shares = chain.pooled["judged_share"].dropna()
    if shares.empty:
        return ""
    low, high = percent(shares.min()), percent(shares.max())
    said = low if low == high else f"{low} to {high}"
    return (
        f"Of the variance of harm in the typical study (on the logit scale), {said} is that of the "
        "priors of notoriety and transport: further cases cannot take it away."
    )


def _correlations(chain: ChainResults) -> TextTable:
    table = chain.correlation
    values = list(dict.fromkeys(table["correlation"]))
    lines = []
    for group in dict.fromkeys(table["group"]):
        for estimand in SHOWN:
            rows = table[table["group"].eq(group) & table["estimand"].eq(estimand)]
            by = {row["correlation"]: row for row in rows.to_dict("records")}
            name = estimand_name(estimand)
            heading = name.capitalize() if group == "all" else f"{group_name(group)}: {name}"
            # The product under its prior stands in the table above: both are rounded alike.
            above = chain.estimate(WHOLE, group, estimand)
            error = above.mcse if above else 0.0
            lines.append((heading, *(_interval(by[v], error) if v in by else "–" for v in values)))
    labels = ("its prior" if value == "lkj" else f"{float(value):g}" for value in values)
    return TextTable(("Correlation", *labels), tuple(lines))


def _interval(row: Mapping[Any, Any], mcse: float) -> str:
    decimals = percent_decimals(row["median"], mcse)
    middle, low, high = (
        estimated_percent(row[name], decimals) for name in ("median", "ci_low", "ci_high")
    )
    return f"{middle} ({low} to {high})"
