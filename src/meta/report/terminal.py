"""The last run in a terminal: headline numbers and gates, rounded as on the pages."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from meta.errors import UserError
from meta.evidence.suggestion import did_you_mean
from meta.plural import counted
from meta.report.estimates import Estimate, percent
from meta.report.inputs import Fit, ReportInputs
from meta.report.significant_digits import shortened
from meta.report.tables import Line, chain_table, group_table, groups_of
from meta.report.verdict import Check, checks_of, code_checks, stamp_of, warned_models
from meta.report.wording import COMPOSITION, estimand_name, group_name, outcome_name, unit_of

#: Width where the output is no terminal: nothing is wrapped that a program may search.
PIPED_WIDTH = 240

UNFINISHED = "missing, so not passed: do not cite"


@dataclass(frozen=True)
class Number:
    """One number of the headline: what it is of, its exact values, and the text that is shown."""

    outcome: str
    group: str
    estimand: str
    heading: str
    name: str
    median: float
    ci_low: float
    ci_high: float
    ci_prob: float
    mcse_mean: float
    k_studies: int
    shown: str
    interval: str
    no_data: str
    unit: str = ""


@dataclass(frozen=True)
class Summary:
    """What is shown of a run.

    Attributes
    ----------
    model, label : str
        Model of the headline, and what kind of numbers it has where they are no rates.
    stamp : str
        Empty where every check shown passed.
    numbers : list of Number
        The headline.
    gates : list of Check
        Failed ones first.
    notes : list of str
        What a reader must know beside the numbers.
    warned : dict of str to list of str
        Models that checks which do not gate warn of, by what is warned of.
    """

    model: str
    label: str
    stamp: str
    numbers: list[Number]
    gates: list[Check]
    notes: list[str]
    warned: dict[str, list[str]]

    def as_json(self) -> dict[str, Any]:
        """Return the summary as JSON values; what is not a number is null."""
        content = {**asdict(self), "passed": all(gate.passed for gate in self.gates)}
        for number in content["numbers"]:
            for key, value in number.items():
                if isinstance(value, float) and not math.isfinite(value):
                    number[key] = None
        return content


def summarise(run: ReportInputs, notes: Sequence[str] = (), model: str | None = None) -> Summary:
    """Choose what is shown: the primary model and every gate, or one model with its own.

    Parameters
    ----------
    run
        Stored results.
    notes
        What a reader must know beside the numbers.
    model
        Name of the one model to show.

    Returns
    -------
    Summary
        A model asked for by name shows its groups too.

    Raises
    ------
    UserError
        If there is no such model.
    """
    fit = run.primary or run.fits[0] if model is None else _find(run, model)
    shown = run.fits if model is None else (fit,)
    gates = [check for each in shown for check in checks_of(each)]
    gates += code_checks(run) if model is None else []
    gates.sort(key=lambda gate: gate.passed)
    failed = [gate for gate in gates if not gate.passed]
    warned = warned_models(replace(run, fits=tuple(shown)))
    return Summary(
        model=fit.name,
        label=COMPOSITION if fit.frame == "case_series" else "",
        stamp=_stamp(failed),
        numbers=_numbers(run, fit, groups=model is not None),
        gates=gates,
        notes=[*notes, *_warnings(warned)],
        warned=warned,
    )


def _warnings(warned: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        f"{kind}: warned for {', '.join(models)} (this does not gate): reports/diagnostics.html"
        for kind, models in warned.items()
    ]


def _stamp(failed: Sequence[Check]) -> str:
    if failed and all(check.value == "missing" for check in failed):
        return UNFINISHED
    return stamp_of(failed)


def _find(run: ReportInputs, model: str) -> Fit:
    names = {fit.name: fit for fit in run.fits}
    if model not in names:
        raise UserError(
            f"no model named {model!r} is fitted{did_you_mean(model, names)}; fitted are "
            + ", ".join(names)
        )
    return names[model]


def _numbers(run: ReportInputs, fit: Fit, groups: bool) -> list[Number]:
    lines = list(chain_table(run, fit).lines)
    if groups:
        lines += group_table(run, fit, groups_of(run, fit)).lines
    if not lines:
        lines = _whatever_it_has(run, fit, groups)
    return [_number(line.heading, e, fit) for line in lines for e in line.cells if e is not None]


def _whatever_it_has(run: ReportInputs, fit: Fit, groups: bool) -> list[Line]:
    """Lines of a model without rates: contrasts have odds ratios, of each intervention."""
    wanted = ["all", *(groups_of(run, fit) if groups else [])]
    return [
        Line(f"{outcome_name(e.outcome)}: {group_name(e.group)}", e.outcome, (e,))
        for group in wanted
        for e in run.estimates.values()
        if e.model == fit.name and e.group == group
    ]


def _number(heading: str, estimate: Estimate, fit: Fit) -> Number:
    return Number(
        outcome=estimate.outcome,
        group=estimate.group,
        estimand=estimate.estimand,
        heading=heading,
        name=estimand_name(estimate.estimand, fit.frame != "case_series"),
        median=estimate.median,
        ci_low=estimate.low,
        ci_high=estimate.high,
        ci_prob=estimate.prob,
        mcse_mean=estimate.mcse,
        k_studies=estimate.studies,
        shown=estimate.shown,
        interval=estimate.interval,
        no_data=estimate.no_data,
        unit=unit_of(estimate.estimand),
    )


def print_summary(summary: Summary, every: bool = False, console: Console | None = None) -> None:
    """Print a summary as tables.

    Parameters
    ----------
    summary
        What to print.
    every
        Whether to list the checks that other models passed, not only their number.
    console
        Where to; by default standard output.
    """
    console = console or Console()
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    for note in summary.notes:
        console.print(Text(f"note: {note}", style="yellow"))
    console.print(_headline(summary))
    console.print(_gates(summary, every))
    failed = sum(not gate.passed for gate in summary.gates)
    total = counted(len(summary.gates), "check")
    if summary.stamp:
        console.print(Text(f"{failed:,} of {total} failed: {summary.stamp}", style="bold red"))
    else:
        said = "".join(f"; {kind}: warned" for kind in summary.warned)
        console.print(Text(f"gates passed: {total}{said}", style="yellow" if said else "green"))


def _headline(summary: Summary) -> Table:
    title = f"{summary.model}: {summary.label}" if summary.label else summary.model
    table = Table(title=Text(title), title_justify="left")
    probs = sorted({number.ci_prob for number in summary.numbers})
    interval = f"{' or '.join(percent(prob) for prob in probs)} interval".strip()
    for name in ("", "of", "median", interval, "studies"):
        right = name in ("median", interval, "studies")
        table.add_column(name, justify="right" if right else "left")
    units = any(number.unit for number in summary.numbers)
    if units:
        table.add_column("in")
    if any(number.no_data for number in summary.numbers):
        table.add_column("but")
    last = ""
    for number in summary.numbers:
        heading = "" if number.heading == last else number.heading
        if heading and last:
            table.add_section()
        studies = str(number.k_studies) if number.k_studies >= 0 else ""
        cells = [heading, number.name, number.shown, number.interval, studies]
        cells += [number.unit] if units else []
        cells.append(number.no_data)
        table.add_row(*(Text(cell) for cell in cells[: len(table.columns)]))
        last = number.heading
    return table


def _gates(summary: Summary, every: bool) -> Table:
    table = Table(title=Text("Checks that gate"), title_justify="left")
    for name in ("model", "check", "value", "threshold", "passed", "worst"):
        right = name in ("value", "threshold")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    listed = [g for g in summary.gates if every or not g.passed or g.model == summary.model]
    for gate in listed:
        cells = (gate.model, gate.check, shortened(gate.value), gate.plainly_wanted)
        state = Text("yes") if gate.passed else Text("NO", style="bold red")
        table.add_row(*(Text(cell) for cell in cells), state, Text(gate.worst))
    counts = Counter(gate.model for gate in summary.gates if gate not in listed)
    for model, count in counts.items():
        table.add_row(Text(model), Text(counted(count, "other check")), "", "", "yes", "")
    return table
