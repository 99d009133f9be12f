"""Sections of the page: each joins its figure, its table and what must be said beside them."""

from dataclasses import dataclass

from meta.plural import counted
from meta.report.cells import CellTable, cell_table
from meta.report.descriptive import (
    PRODUCT,
    ForestRow,
    forest_rows,
    observed,
    product_rows,
)
from meta.report.estimates import percent
from meta.report.figures import Block, Strip, forest_plot, interval_plot
from meta.report.inputs import Fit, ReportInputs
from meta.report.notoriety import NotorietySection, notoriety_section
from meta.report.svg import Drawing
from meta.report.tables import (
    HEADLINE,
    Table,
    chain_table,
    group_table,
    groups_of,
    list_table,
    outcomes_of,
    product_first,
    sensitivity_table,
)
from meta.report.verdict import stamp
from meta.report.wording import (
    CHAIN,
    COMPOSITION,
    STAGES,
    estimand_name,
    group_name,
    outcome_name,
    spell,
)

HOLLOW = {
    "goal_failure": (
        "Hollow: counts among all trials, capability unobserved. They show the product of both "
        "stages, so the coloured rate given capability may lie to their right."
    ),
    PRODUCT: (
        "Hollow: put together from two counts of an arm, its goal failures among capable trials "
        "over all trials in which capability was looked for. Arms whose two counts cover "
        "different trials have no grey mark; they still inform the coloured rate."
    ),
}


@dataclass(frozen=True)
class Section:
    """A figure with its table, from one model."""

    fit: Fit
    figure: Drawing
    table: Table

    @property
    def basis(self) -> str:
        """What the model rests on, by stage, as recorded with the fit."""
        rows = self.fit.record.get("rows", {})
        return "; ".join(
            f"{spell(stage)}: {counted(part['k_studies'], 'study')}, "
            f"{counted(part['k_rows'], 'row')}, {counted(part['n_trials'], 'trial')}"
            f"{_through(part)}"
            for stage, part in rows.items()
        )

    @property
    def notes(self) -> list[str]:
        """Notes recorded with the fit."""
        return [str(note) for note in self.fit.record.get("notes") or []]

    @property
    def no_data(self) -> str:
        """What the figure and the table say of numbers without data; empty without such ones."""
        cells = [cell for line in self.table.lines for cell in line.cells if cell]
        return next((cell.no_data for cell in cells if cell.no_data), "")


def _through(part: dict[str, int]) -> str:
    through = part.get("k_rows_through_capability", 0)
    return f" ({through:,} of the rows see it only in the product)" if through else ""


@dataclass(frozen=True)
class Forest:
    """The forest plot of one outcome and the rows behind it."""

    outcome: str
    name: str
    figure: Drawing
    rows: list[ForestRow]

    @property
    def hollow(self) -> str:
        """What hollow dots count in this plot; empty where it has none."""
        drawn = any(part.indirect for row in self.rows for part in row.sums)
        return HOLLOW.get(self.outcome, "") if drawn else ""


@dataclass(frozen=True)
class Composition:
    """What a catalogue of failures consists of."""

    section: Section
    lists: Table
    counts: CellTable
    notoriety: NotorietySection | None
    joined: bool = False


def chain_section(inputs: ReportInputs) -> Section | None:
    """Show the chain of the primary model, or None without a rate model."""
    fit = inputs.primary
    if fit is None:
        return None
    blocks = [
        _estimand_block(inputs, fit, outcome, "all", outcome_name(outcome))
        for outcome in product_first(outcomes_of(inputs, fit))
    ]
    figure = interval_plot(
        "fig-chain", "The chain: product, capability, goal failure", blocks, _stamped(inputs, fit)
    )
    return Section(fit, figure, chain_table(inputs, fit))


def type_section(inputs: ReportInputs) -> Section | None:
    """Show the chain by failure type, from the first rate model that reports it."""
    for fit in inputs.rate_fits:
        groups = groups_of(inputs, fit, "failure_type")
        if not groups:
            continue
        blocks = [
            _estimand_block(inputs, fit, outcome, group, _group_heading(outcome, group))
            for outcome in outcomes_of(inputs, fit)
            for group in groups
        ]
        figure = interval_plot(
            "fig-types", "The chain by failure type", blocks, _stamped(inputs, fit)
        )
        return Section(fit, figure, group_table(inputs, fit, groups))
    return None


def forest_section(inputs: ReportInputs) -> list[Forest]:
    """Draw a forest plot of the product, then of every stage that the primary's rows observe."""
    fit = inputs.primary
    if fit is None:
        return []
    found = []
    reported = outcomes_of(inputs, fit)
    for outcome in (PRODUCT, *STAGES) if PRODUCT in reported else STAGES:
        rows = forest_rows(inputs, fit, outcome)
        pooled = [inputs.estimate(fit.name, outcome, "all", e) for e in ("rate_mean", "rate_new")]
        figure = forest_plot(
            f"fig-forest-{outcome.replace('_', '-')}",
            f"{outcome_name(outcome)}: one line a study",
            rows,
            [estimate for estimate in pooled if estimate is not None],
            _stamped(inputs, fit),
        )
        if rows:
            found.append(Forest(outcome, outcome_name(outcome), figure, rows))
    return found


def forest_columns(forests: list[Forest]) -> list[list[Forest]]:
    """Share forest plots out among two columns of about the same length, the first one leading."""
    columns: list[list[Forest]] = [[], []]
    for forest in sorted(forests[1:], key=lambda forest: -len(forest.rows)):
        lengths = [sum(len(f.rows) for f in column) for column in columns]
        lengths[0] += len(forests[0].rows)
        columns[lengths[1] < lengths[0]].append(forest)
    columns[0] = [*forests[:1], *columns[0]]
    return [column for column in columns if column]


def product_share(inputs: ReportInputs) -> str:
    """Say how many of the primary model's arms count the product directly; empty where none."""
    rows = inputs.primary.rows if inputs.primary else None
    if inputs.primary and inputs.primary.record.get("spec", {}).get("assumed_capable"):
        return ""
    seen = None if rows is None else observed(rows, "goal_failure")
    if seen is None or seen.empty or not product_rows(seen).any():
        return ""
    part = int(product_rows(seen).sum())
    return f"{percent(part / len(seen))} of the arms ({part:,} of {len(seen):,})"


def composition_section(inputs: ReportInputs) -> list[Composition]:
    """Show what the catalogues consist of: shares among failures."""
    found = []
    for number, fit in enumerate(inputs.composition_fits):
        groups = ["all", *groups_of(inputs, fit)]
        lists = list_table(inputs, fit)
        blocks = [
            _estimand_block(inputs, fit, outcome, group, _group_heading(outcome, group))
            for outcome in outcomes_of(inputs, fit)
            for group in groups
        ]
        title = f"{spell(fit.name).capitalize()} of the catalogued failures ({COMPOSITION})"
        figure = interval_plot(
            f"fig-composition-{number}", title, blocks, _stamped(inputs, fit), left=148
        )
        section = Section(fit, figure, group_table(inputs, fit, groups))
        notoriety = notoriety_section(inputs, fit)
        joined = any(chain.harm == fit.name for chain in inputs.chains)
        found.append(Composition(section, lists, cell_table(fit), notoriety, joined))
    return found


def sensitivity_section(inputs: ReportInputs) -> tuple[Drawing, Table] | None:
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
    kept = [block for block in blocks if block.strips]
    stamped = stamp(inputs, models)
    return interval_plot("fig-models", "The same outcomes by model", kept, stamped), table


def _estimand_block(
    inputs: ReportInputs, fit: Fit, outcome: str, group: str, heading: str
) -> Block:
    cells = [inputs.estimate(fit.name, outcome, group, estimand) for estimand in HEADLINE]
    strips = [Strip(estimand_name(c.estimand, fit.is_rate), c) for c in cells if c is not None]
    return Block(heading, tuple(strips))


def _group_heading(outcome: str, group: str) -> str:
    name = outcome_name(outcome)
    return name if group == "all" else f"{name}: {group_name(group)}"


def _stamped(inputs: ReportInputs, fit: Fit) -> str:
    return stamp(inputs, {fit.name})
