"""Context of the methods page: everything that it says, from the run's records and settings."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from meta.plural import counted
from meta.report.calibration import coverage_sentence, statuses
from meta.report.contrasts import how_checked
from meta.report.inputs import Fit, ReportInputs
from meta.report.methods.catalogue import Definition, analyses, definitions, gates
from meta.report.methods.citations import references
from meta.report.methods.distributions import in_words
from meta.report.methods.harm_chain import joinings
from meta.report.methods.implications import (
    QUANTILES,
    Implication,
    implication_table,
    implications,
)
from meta.report.methods.mathematics import SYMBOLS, Equation, equations, mathml, prior_latex
from meta.report.methods.objections import objections
from meta.report.methods.prior_figure import prior_figure
from meta.report.methods.specification import Specification, specification_of
from meta.report.svg import Drawing
from meta.report.wording import spell

FRAMES = {
    "denominator": "Rows of evaluations that report a denominator",
    "case_series": "Cases of catalogues, which have no denominator: composition, not a rate",
    "contrasts": "Arms of a study and the baselines they are compared with",
}


@dataclass(frozen=True)
class Prior:
    """Prior of one parameter, in mathematics and in words."""

    meaning: str
    words: str
    latex: str

    @property
    def mathml(self) -> Markup:
        """The prior as inline MathML."""
        return mathml(self.latex, inline=True)


@dataclass(frozen=True)
class Model:
    """One model as the page describes it."""

    fit: Fit
    pools: str
    rows: list[tuple[str, str]]
    equations: list[Equation]
    priors: list[Prior]
    sampler: str
    notes: list[str]


@dataclass(frozen=True)
class ImpliedFigure:
    """What some priors imply, drawn, with the numbers that are drawn."""

    models: str
    figure: Drawing
    lines: list[tuple[str, list[str]]]


def methods_context(run: ReportInputs, written: Collection[str]) -> dict[str, Any]:
    """Collect what the methods page shows.

    Parameters
    ----------
    run
        The stored results.
    written
        Pages that the report has, which may be linked to.

    Returns
    -------
    dict
        Variables of the template, and `prior_table`: the numbers that its figures draw.
    """
    specs = [(fit, specification_of(fit)) for fit in run.fits]
    implied = implications([(fit.name, spec) for fit, spec in specs])
    known: list[Definition] = definitions()
    hashes = [(fit.name, str(fit.record.get("spec_hash", ""))) for fit in run.fits]
    primary = str(run.primary.record.get("spec_hash", "")) if run.primary else ""
    return {
        "models": [_model(fit, spec) for fit, spec in specs],
        "refused": dict(run.refused),
        "joinings": joinings(run.chains),
        "implied": [_implied(i, each) for i, each in enumerate(implied)],
        "prior_table": implication_table(implied),
        "quantiles": [f"{100 * q:g}%" for q in QUANTILES],
        "gates": gates(run),
        "analyses": analyses(run.settings),
        "calibrations": statuses(hashes, run.calibration),
        "coverage": coverage_sentence(run.calibration, primary),
        "estimands": known,
        "objections": objections(),
        "written": written,
        "references": references(),
        "primary": spell(run.primary.name) if run.primary else "",
    }


def _model(fit: Fit, spec: Specification) -> Model:
    priors = [
        Prior(SYMBOLS[name][1], in_words(spec.priors[name]), prior_latex(spec, name))
        for name in spec.parameters
        if name in SYMBOLS
    ]
    return Model(
        fit=fit,
        pools=_pools(spec),
        rows=_rows(fit),
        equations=equations(spec),
        priors=priors,
        sampler=_sampler(fit),
        notes=[
            *([how_checked(fit)] if fit.frame == "contrasts" else []),
            *(str(note) for note in fit.record.get("notes") or []),
        ],
    )


def _pools(spec: Specification) -> str:
    """What a model pools, from its filter, in a sentence."""
    parts = [
        f"{spell(column)} {' or '.join(spell(str(value)) for value in values)}"
        for column, values in dict(spec.options["filter"] or {}).items()
    ]
    kept = ": " + "; ".join(parts) if parts else ""
    capable = " Every trial is taken as capable." if spec.options["assumed_capable"] else ""
    codes = ""
    if spec.options["codes"] == "agreed":
        codes = " Codes are those that coders agree on."
    return f"{FRAMES.get(spec.frame, spell(spec.frame))}{kept}.{capable}{codes}"


def _rows(fit: Fit) -> list[tuple[str, str]]:
    found = []
    unit = "list" if fit.top_level == "source_list" else "study"
    for stage, part in fit.record.get("rows", {}).items():
        through = part.get("k_rows_through_capability", 0)
        found.append(
            (
                spell(stage).capitalize(),
                f"{counted(part['k_studies'], unit)}, {counted(part['k_rows'], 'row')}, "
                f"{counted(part['n_trials'], 'trial')}"
                + (f"; {through:,} of the rows see it only in the product" if through else ""),
            )
        )
    return found


def _sampler(fit: Fit) -> str:
    """How a model was sampled, from the record of the fit."""
    sampler = fit.record.get("sampler") or {}
    if not {"chains", "draws", "tune"} <= set(sampler):
        return "Not recorded."
    text = (
        f"No-U-Turn sampler{' (' + sampler['name'] + ')' if 'name' in sampler else ''}: "
        f"{counted(sampler['chains'], 'chain')} of {counted(sampler['draws'], 'draw')} "
        f"after {sampler['tune']:,} of tuning"
    )
    if "target_accept" in sampler:
        text += f", target acceptance {sampler['target_accept']:g}"
    if "max_depth" in sampler:
        text += f", tree depth at most {sampler['max_depth']}"
    imputed = (fit.record.get("imputation") or {}).get("imputations")
    text += f", for each of {imputed} imputed code sets" if imputed else ""
    return f"{text}; seed {fit.record.get('seed', 'not recorded')}."


def _implied(number: int, each: Implication) -> ImpliedFigure:
    models = ", ".join(spell(name) for name in each.models)
    title = f"What the priors of {models} imply before any data"
    table = implication_table([each])
    columns = [f"q{q:g}" for q in QUANTILES]
    lines = [
        (row["quantity"], [_shown(row[c], row["scale"]) for c in columns])
        for row in table.to_dict("records")
    ]
    return ImpliedFigure(models, prior_figure(f"fig-prior-{number}", title, each), lines)


def _shown(value: float, scale: str) -> str:
    if scale != "rate":
        return f"{value:.3g}" if value < 100 else f"{value:,.0f}"
    percent = 100 * value
    return f"{percent:.1f}%" if percent < 10 or percent > 90 else f"{percent:.0f}%"
