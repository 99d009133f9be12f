"""Sections of the page: each joins its figure, its table and what must be said beside them."""

from dataclasses import dataclass

from markupsafe import Markup

from meta.report.descriptive import ForestRow, forest_rows, observed
from meta.report.figures import Block, Strip, forest_plot, interval_plot
from meta.report.inputs import Fit, ReportInputs
from meta.report.tables import (
    HEADLINE,
    Table,
    chain_table,
    group_table,
    groups_of,
    outcomes_of,
    sensitivity_table,
)
from meta.report.verdict import failed_models
from meta.report.wording import (
    CHAIN,
    COMPOSITION,
    STAGES,
    estimand_name,
    group_name,
    outcome_name,
    spell,
)


@dataclass(frozen=True)
class Section:
    """A figure with its table, from one model."""

    fit: Fit
    figure: Markup
    table: Table

    @property
    def basis(self) -> str:
        """What the model rests on, by stage, as recorded with the fit."""
        rows = self.fit.record.get("rows", {})
        return "; ".join(
            f"{spell(stage)}: {part['k_studies']:,} studies, {part['k_rows']:,} rows, "
            f"{part['n_trials']:,} trials"
            for stage, part in rows.items()
        )

    @property
    def notes(self) -> list[str]:
        """Notes recorded with the fit."""
        return [str(note) for note in self.fit.record.get("notes") or []]


@dataclass(frozen=True)
class Forest:
    """The forest plot of one stage and the rows behind it."""

    stage: str
    name: str
    figure: Markup
    rows: list[ForestRow]


@dataclass(frozen=True)
class Composition:
    """What a catalogue of failures consists of."""

    section: Section
    lists: Table
    counts: list[tuple[str, int, int]]


def chain_section(inputs: ReportInputs) -> Section | None:
    """Show the chain of the primary model, or None without a rate model."""
    fit = inputs.primary
    if fit is None:
        return None
    blocks = [
        _estimand_block(inputs, fit, outcome, "all", outcome_name(outcome))
        for outcome in outcomes_of(inputs, fit)
    ]
    figure = interval_plot(
        "fig-chain", "The chain: capability, goal failure, product", blocks, _stamped(inputs, fit)
    )
    return Section(fit, figure, chain_table(inputs, fit))


def type_section(inputs: ReportInputs) -> Section | None:
    """Show the chain by failure type, from the first rate model that reports it."""
    for fit in inputs.rate_fits:
        groups = groups_of(inputs, fit, "failure_type")
        if not groups:
            continue
        blocks = [
            _estimand_block(
                inputs, fit, outcome, group, f"{outcome_name(outcome)}: {group_name(group)}"
            )
            for outcome in outcomes_of(inputs, fit)
            for group in groups
        ]
        figure = interval_plot(
            "fig-types", "The chain by failure type", blocks, _stamped(inputs, fit)
        )
        return Section(fit, figure, group_table(inputs, fit, groups))
    return None


def moderator_tables(inputs: ReportInputs) -> list[tuple[Fit, Table]]:
    """Tabulate the groups that are neither studies nor failure types, by model."""
    found = []
    for fit in inputs.rate_fits:
        types = set(groups_of(inputs, fit, "failure_type"))
        groups = [group for group in groups_of(inputs, fit) if group not in types]
        if groups:
            found.append((fit, group_table(inputs, fit, groups)))
    return found


def forest_section(inputs: ReportInputs) -> list[Forest]:
    """Draw a forest plot for every stage that the primary model's rows observe."""
    fit = inputs.primary
    if fit is None:
        return []
    found = []
    for stage in STAGES:
        rows = forest_rows(inputs, fit, stage)
        estimates = [inputs.estimate(fit.name, stage, "all", e) for e in ("rate_mean", "rate_new")]
        figure = forest_plot(
            f"fig-forest-{stage.replace('_', '-')}",
            f"{outcome_name(stage)}: one line a study",
            rows,
            [estimate for estimate in estimates if estimate is not None],
            _stamped(inputs, fit),
        )
        if rows:
            found.append(Forest(stage, outcome_name(stage), figure, rows))
    return found


def composition_section(inputs: ReportInputs) -> list[Composition]:
    """Show what the catalogues consist of: shares among failures."""
    found = []
    for number, fit in enumerate(inputs.composition_fits):
        groups = ["all", *groups_of(inputs, fit)]
        lists = group_table(inputs, fit, groups_of(inputs, fit, "study"))
        blocks = [
            _estimand_block(inputs, fit, outcome, "all", outcome_name(outcome))
            for outcome in outcomes_of(inputs, fit)
        ]
        title = f"{spell(fit.name).capitalize()} of the catalogued failures ({COMPOSITION})"
        figure = interval_plot(
            f"fig-composition-{number}", title, blocks, _stamped(inputs, fit), left=148
        )
        section = Section(fit, figure, group_table(inputs, fit, groups))
        found.append(Composition(section, lists, _case_counts(fit)))
    return found


def sensitivity_section(inputs: ReportInputs) -> tuple[Markup, Table] | None:
    """Show the same outcomes under every rate model, or None with fewer than two."""
    table = sensitivity_table(inputs, HEADLINE)
    models = {cell.model for line in table.lines for cell in line.cells if cell}
    if len(models) < 2:
        return None
    blocks = []
    for outcome in dict.fromkeys([*CHAIN, *(line.outcome for line in table.lines)]):
        for estimand in ("rate_mean", "rate_new"):
            cells = [inputs.estimate(f.name, outcome, "all", estimand) for f in inputs.rate_fits]
            strips = tuple(Strip(spell(cell.model), cell) for cell in cells if cell)
            heading = f"{outcome_name(outcome)}: {estimand_name(estimand)}"
            blocks.append(Block(heading, strips))
    stamped = bool(models & failed_models(inputs))
    kept = [block for block in blocks if block.strips]
    return interval_plot("fig-models", "The same outcomes by model", kept, stamped), table


def _estimand_block(
    inputs: ReportInputs, fit: Fit, outcome: str, group: str, heading: str
) -> Block:
    cells = [inputs.estimate(fit.name, outcome, group, estimand) for estimand in HEADLINE]
    strips = [Strip(estimand_name(c.estimand, fit.is_rate), c) for c in cells if c is not None]
    return Block(heading, tuple(strips))


def _case_counts(fit: Fit) -> list[tuple[str, int, int]]:
    """Count cases by stage as coded: name, cases showing it, cases where it was codable."""
    if fit.rows is None:
        return []
    seen = [(stage, observed(fit.rows, stage)) for stage in STAGES]
    return [
        (outcome_name(stage), int(rows["events"].sum()), int(rows["trials"].sum()))
        for stage, rows in seen
        if len(rows)
    ]


def _stamped(inputs: ReportInputs, fit: Fit) -> bool:
    return fit.name in failed_models(inputs)
