"""Tables of the report: which pooled number stands in which cell."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from meta.plural import counted
from meta.report.estimates import RATES, Estimate
from meta.report.inputs import Fit, ReportInputs
from meta.report.wording import (
    CHAIN,
    PRODUCTS,
    STAGES,
    estimand_name,
    group_name,
    outcome_name,
    spell,
)

HEADLINE = ("rate_typical", "rate_mean", "rate_new")
#: Estimands that compare two levels of a moderator, in groups `field=level vs reference`.
CONTRASTS = ("risk_ratio", "risk_difference")
ABOVE = "share_above_"
#: Of two populations of studies: share of the upper one, of the variance, and their distance.
POPULATIONS = ("upper_share", "split", "gap")
SPREAD = ("tau", "omega", "kappa", "phi", "icc", "median_odds_ratio", *POPULATIONS)


@dataclass(frozen=True)
class Line:
    """One line of a table: heading, the outcome that colours it, its numbers, and its source."""

    heading: str
    outcome: str
    cells: tuple[Estimate | None, ...]
    href: str = ""


@dataclass(frozen=True)
class Table:
    """A table of pooled numbers: column names and lines."""

    columns: tuple[str, ...]
    lines: tuple[Line, ...]


def outcomes_of(inputs: ReportInputs, fit: Fit) -> list[str]:
    """List the outcomes a model reports, the chain first."""
    present = {e.outcome for e in inputs.estimates.values() if e.model == fit.name}
    # Fixed offsets of a sensitivity curve have a figure of their own.
    present = {outcome for outcome in present if "=" not in outcome}
    order = dict.fromkeys([*CHAIN, *STAGES, *PRODUCTS, *sorted(present)])
    return [outcome for outcome in order if outcome in present]


def groups_of(inputs: ReportInputs, fit: Fit, field: str | None = None) -> list[str]:
    """List the groups a model reports, studies or lists left out; of a field where given."""
    groups = dict.fromkeys(
        e.group
        for e in inputs.estimates.values()
        if e.model == fit.name and e.estimand not in CONTRASTS
    )
    fields = {group: group.partition("=")[0] for group in groups}
    if field is not None:
        return [group for group in groups if fields[group] == field and "=" in group]
    return [group for group in groups if fields[group] not in {"all", "study", fit.top_level}]


def comparisons_of(inputs: ReportInputs, fit: Fit) -> list[str]:
    """List the comparisons ``field=level vs reference`` that a model reports."""
    of_fit = (e for e in inputs.estimates.values() if e.model == fit.name)
    return list(dict.fromkeys(e.group for e in of_fit if e.estimand in CONTRASTS))


def chain_table(inputs: ReportInputs, fit: Fit, group: str = "all") -> Table:
    """Tabulate the chain: one line an outcome, typical, mean and new study across.

    Parameters
    ----------
    inputs : ReportInputs
        The stored results.
    fit : Fit
        The model.
    group : str, optional
        The group of rows.

    Returns
    -------
    Table
        Outcomes that the model does not report are left out.
    """
    shown = (*HEADLINE, "rate_new_arm")
    used = [e for e in shown if _any(inputs, fit, group, e)]
    lines = [
        Line(
            outcome_name(o) + _seen_in_product(fit, o),
            o,
            tuple(inputs.estimate(fit.name, o, group, e) for e in used),
        )
        for o in product_first(outcomes_of(inputs, fit))
    ]
    return Table(tuple(estimand_name(e, fit.is_rate) for e in used), _filled(lines))


def product_first(outcomes: Iterable[str]) -> list[str]:
    """Order outcomes such that products lead: they are what most arms count."""
    return sorted(outcomes, key=lambda outcome: outcome not in PRODUCTS)


def _seen_in_product(fit: Fit, stage: str) -> str:
    """How many arms see a stage only in its product, as recorded with the fit; empty where none."""
    part = fit.record.get("rows", {}).get(stage, {})
    through = part.get("k_rows_through_capability", 0)
    if not through:
        return ""
    see = "sees" if through == 1 else "see"
    return f" ({through:,} of {counted(part['k_rows'], 'arm')} {see} only the product)"


def group_table(inputs: ReportInputs, fit: Fit, groups: Sequence[str]) -> Table:
    """Tabulate groups of rows: one line an outcome and group.

    Parameters
    ----------
    inputs : ReportInputs
        The stored results.
    fit : Fit
        The model.
    groups : sequence of str
        Groups ``field=value``, or ``all``.

    Returns
    -------
    Table
        The columns are the estimands that occur.
    """
    used = [e for e in RATES if any(_any(inputs, fit, group, e) for group in groups)]
    lines = [
        Line(
            f"{outcome_name(outcome)}: {group_name(group)}",
            outcome,
            tuple(inputs.estimate(fit.name, outcome, group, e) for e in used),
        )
        for outcome in outcomes_of(inputs, fit)
        for group in groups
    ]
    return Table(tuple(estimand_name(e, fit.is_rate) for e in used), _filled(lines))


def list_table(inputs: ReportInputs, fit: Fit) -> Table:
    """Tabulate the shrunken share of every list, or rate of every study: stages across.

    Parameters
    ----------
    inputs : ReportInputs
        The stored results.
    fit : Fit
        The model.

    Returns
    -------
    Table
        One line a list or study.
    """
    groups = groups_of(inputs, fit, fit.top_level)
    outcomes = [
        outcome
        for outcome in outcomes_of(inputs, fit)
        if any(inputs.estimate(fit.name, outcome, group, "study_rate") for group in groups)
    ]
    lines = [
        Line(
            group_name(group),
            "",
            tuple(inputs.estimate(fit.name, o, group, "study_rate") for o in outcomes),
            inputs.href(group.partition("=")[2]),
        )
        for group in groups
    ]
    return Table(tuple(outcome_name(o) for o in outcomes), _filled(lines))


def spread_table(inputs: ReportInputs, fits: Iterable[Fit]) -> Table:
    """Tabulate heterogeneity: standard deviations on the logit scale and what they mean.

    Parameters
    ----------
    inputs : ReportInputs
        The stored results.
    fits : iterable of Fit
        Models with a line for each of their outcomes.

    Returns
    -------
    Table
        The last column is the predictive distribution of a new study. Columns of two populations
        are filled for models that have them.
    """
    wanted = [fit for fit in fits if any(_any(inputs, fit, "all", e) for e in SPREAD)]
    used = [e for e in SPREAD if any(_any(inputs, fit, "all", e) for fit in wanted)]
    lines = [
        Line(
            f"{outcome_name(outcome)} ({spell(fit.name)})",
            outcome,
            tuple(inputs.estimate(fit.name, outcome, "all", e) for e in (*used, "rate_new")),
        )
        for fit in wanted
        for outcome in outcomes_of(inputs, fit)
        if any(inputs.estimate(fit.name, outcome, "all", e) for e in SPREAD)
    ]
    return Table((*(estimand_name(e) for e in used), "Predictive: a new study"), _filled(lines))


def membership_table(inputs: ReportInputs, fits: Iterable[Fit]) -> Table:
    """Tabulate the probability that each study is of the upper of two populations.

    Parameters
    ----------
    inputs : ReportInputs
        The stored results.
    fits : iterable of Fit
        The models.

    Returns
    -------
    Table
        One line a study and model, the likeliest members first; without lines where no model has
        two populations.
    """
    names = {fit.name for fit in fits}
    found = [
        e
        for e in inputs.estimates.values()
        if e.estimand == "upper_probability" and e.model in names
    ]
    lines = [
        Line(
            f"{group_name(e.group)} ({spell(e.model)})",
            "",
            (e,),
            inputs.href(e.group.partition("=")[2]),
        )
        for e in sorted(found, key=lambda e: -e.median)
    ]
    return Table((estimand_name("upper_probability"),), _filled(lines))


def exceedance_table(inputs: ReportInputs, fits: Iterable[Fit]) -> Table:
    """Tabulate the share of new studies above given rates: one line an outcome and model.

    Parameters
    ----------
    inputs : ReportInputs
        The stored results.
    fits : iterable of Fit
        The models.

    Returns
    -------
    Table
        Without lines where no model reports such shares for all rows.
    """
    fits = list(fits)
    found = (e.estimand for e in inputs.estimates.values() if e.group == "all")
    used = [name for name in dict.fromkeys(found) if name.startswith(ABOVE)]
    order = dict.fromkeys(o for fit in fits for o in outcomes_of(inputs, fit))
    lines = [
        Line(
            f"{outcome_name(outcome)} ({spell(fit.name)})",
            outcome,
            tuple(inputs.estimate(fit.name, outcome, "all", e) for e in used),
        )
        for outcome in order
        for fit in fits
    ]
    return Table(tuple(estimand_name(e) for e in used), _filled(lines))


def correlation_table(inputs: ReportInputs, fits: Iterable[Fit]) -> Table:
    """Tabulate how the stages go together between studies: one line a pair of stages and model.

    Parameters
    ----------
    inputs : ReportInputs
        The stored results.
    fits : iterable of Fit
        The models.

    Returns
    -------
    Table
        Without lines where no model has two stages.
    """
    name = "stage_correlation"
    lines = [
        Line(
            f"{outcome_name(outcome)} ({spell(fit.name)})",
            outcome,
            (inputs.estimate(fit.name, outcome, "all", name),),
        )
        for fit in fits
        for outcome in outcomes_of(inputs, fit)
    ]
    return Table((estimand_name(name),), _filled(lines))


def sensitivity_table(inputs: ReportInputs, estimands: Sequence[str]) -> Table:
    """Tabulate the same outcome under every rate model that reports it for all rows.

    Parameters
    ----------
    inputs : ReportInputs
        The stored results.
    estimands : sequence of str
        The columns.

    Returns
    -------
    Table
        Lines in the order of the chain, then of the models.
    """
    fits = inputs.rate_fits
    order = dict.fromkeys(o for fit in fits for o in outcomes_of(inputs, fit))
    lines = [
        Line(
            f"{outcome_name(outcome)}: {spell(fit.name)}",
            outcome,
            tuple(inputs.estimate(fit.name, outcome, "all", e) for e in estimands),
        )
        for outcome in order
        for fit in fits
    ]
    return Table(tuple(estimand_name(e) for e in estimands), _filled(lines))


def _any(inputs: ReportInputs, fit: Fit, group: str, estimand: str) -> bool:
    return any(
        inputs.estimate(fit.name, outcome, group, estimand) for outcome in outcomes_of(inputs, fit)
    )


def _filled(lines: Iterable[Line]) -> tuple[Line, ...]:
    return tuple(line for line in lines if any(cell is not None for cell in line.cells))
