"""Agreement of coders on the page: coders and their kind, coefficients, what disagreement adds."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from meta.evidence.coders import coded_by
from meta.evidence.imputations import SURE
from meta.evidence.links import links as links_in
from meta.plural import counted
from meta.report.estimates import estimated_percent, percent
from meta.report.wording import estimand_name, group_name, outcome_name, spell

if TYPE_CHECKING:
    from meta.report.inputs import Fit, ReportInputs

MACHINE = ("machine_assisted", "machine")
EFFECT_COLUMNS = [
    "model", "outcome", "group", "estimand",
    *(f"{s}_{p}" for s in ("agreed", "within", "combined") for p in ("low", "median", "high")),
    "between_share", "coders",
]  # fmt: skip


@dataclass(frozen=True)
class CodeResults:
    """What is known of the codes: agreement, disagreements, coders, latent codes, their checks."""

    agreement: pd.DataFrame
    disagreements: list[dict[str, Any]]
    coders: dict[str, str]
    record: dict[str, Any]
    diagnostics: pd.DataFrame


def load_codes(folder: Path) -> CodeResults:
    """Read what the jobs on codes wrote."""
    listed = json.loads((folder / "disagreements.json").read_text(encoding="utf-8"))
    record = json.loads((folder / "codes.json").read_text(encoding="utf-8"))
    return CodeResults(
        agreement=pd.read_csv(folder / "agreement.csv", keep_default_na=True),
        disagreements=listed["rows"],
        coders=listed["coders"],
        record=record,
        diagnostics=pd.read_csv(folder / "diagnostics.csv", dtype=str, keep_default_na=False),
    )


def coders_sentence(coders: Mapping[str, str]) -> str:
    """Say who coded, flagging machines: ``coder_a (machine assisted), coder_b (undescribed)``."""
    free = {name: kind for name, kind in coders.items() if name != "adjudicated"}
    if not free:
        return "Nobody coded them independently."
    named = ", ".join(f"{name} ({spell(kind)})" for name, kind in free.items())
    machines = sum(kind in MACHINE for kind in free.values())
    unknown = sum(kind == "undescribed" for kind in free.values())
    text = f"Coded by {named}."
    if machines > 1:
        text += (
            f" {machines} of the {len(free)} coders are machines or assisted by one: they may"
            " share errors, so that their agreement proves little."
        )
    if unknown:
        text += (
            " An undescribed coder has no entry in coders.csv: whether a human coded is unknown."
        )
    return text + ("" if "adjudicated" in coders else " No code is adjudicated.")


def codes_note(inputs: ReportInputs, fits: Iterable[Fit]) -> str:
    """Say whose codes went into fits, flagging machines; empty where none reads codes."""
    fits = list(fits)
    reading = [fit for fit in fits if fit.reads_codes]
    if not reading:
        return ""
    which = "This model reads codes"
    if len(fits) > 1:
        which = f"Of these models, {', '.join(spell(f.name) for f in reading)} read codes"
    note = f"{which} {_by(inputs)}."
    imputed = [f.record["imputation"] for f in reading if "imputation" in f.record]
    counts = sorted({int(i["imputations"]) for i in imputed if "imputations" in i})
    if imputed:
        number = f"{' or '.join(map(str, counts))} " if counts else ""
        note += (
            f" Fitted to {number}imputed code sets: the stated Monte Carlo error (mcse_mean) is"
            " that given the sets and leaves out that they are finitely many."
        )
    return note


def codes_behind(inputs: ReportInputs, models: Collection[str]) -> str:
    """Say whose codes stand behind numbers of some models; empty where none of them reads codes."""
    reading = [fit.name for fit in inputs.fits if fit.name in models and fit.reads_codes]
    if not reading:
        return ""
    which = f"{counted(len(reading), 'model')} that read{'' if len(reading) > 1 else 's'} codes"
    return f"Numbers of {which} ({', '.join(map(spell, reading))}) rest on codes {_by(inputs)}."


def _by(inputs: ReportInputs) -> str:
    return coded_by(inputs.codes.coders) if inputs.codes else "by coders who are not recorded"


@dataclass(frozen=True)
class AgreementLine:
    """Agreement on one field, kind of unit and treatment of `unclear`, as shown."""

    heading: str
    treatment: str
    units: int
    cells: list[tuple[str, str, str]]


@dataclass(frozen=True)
class EffectLine:
    """One quantity under agreed and under imputed codes, as shown."""

    heading: str
    agreed: str
    within: str
    combined: str
    share: str


@dataclass(frozen=True)
class AgreementSection:
    """What the section on agreement shows."""

    coders: str
    lines: list[AgreementLine]
    adjudicated: list[str]
    latent: list[str]
    effects: dict[str, list[EffectLine]]
    disputes: str


def agreement_section(inputs: ReportInputs) -> AgreementSection | None:
    """Collect the section on agreement, or None for a base without codings."""
    codes = inputs.codes
    if codes is None:
        return None
    table = codes.agreement
    shown = table[table["kind"] != "all"]
    settled = table[(table["kind"] == "all") & (table["unclear"] == "category")]
    settled = settled[settled["adjudicated"] > 0]
    return AgreementSection(
        coders=coders_sentence(codes.coders),
        lines=[_line(row) for row in shown.to_dict("records")],
        adjudicated=[
            f"{spell(str(r['field']))}: {r['adjudicated']} settled, with {r['adjudicated_with']}"
            for r in settled.to_dict("records")
        ],
        latent=[_latent(name, entry) for name, entry in codes.record["fields"].items()],
        effects=_effects(inputs),
        disputes=_number_of(codes),
    )


def _number_of(codes: CodeResults) -> str:
    questions = counted(len(disputes(codes, lambda _: "")), "question")
    return f"{counted(len(codes.disagreements), 'disagreement')} ({questions})"


def _line(row: Mapping[Any, Any]) -> AgreementLine:
    names = {"raw": "Raw", "alpha": "Alpha", "ac": "AC2" if row["scale"] == "ordinal" else "AC1"}
    cells = []
    for measure, name in names.items():
        value = row[measure]
        if pd.isna(value):
            cells.append((name, "not defined", ""))
        else:
            span = f"{row[f'{measure}_low']:.2f} to {row[f'{measure}_high']:.2f}"
            cells.append((name, f"{value:.2f}", "" if "nan" in span else span))
    treatment = "unclear a category" if row["unclear"] == "category" else "unclear left out"
    return AgreementLine(
        f"{spell(str(row['field'])).capitalize()}, {row['kind']}s",
        f"{treatment}, {row['scale']}",
        int(row["units"]),
        cells,
    )


def _latent(name: str, entry: Mapping[str, Any]) -> str:
    change = entry["sensitivity"]
    return (
        f"{spell(name).capitalize()}: {counted(entry['units'], 'unit')} as "
        f"{counted(entry['items'], 'judgement')}; {counted(entry['unsure_units'], 'unit')} whose "
        f"likeliest code has less than {percent(SURE)} probability; "
        f"under the other prior the likeliest code of {change['likeliest_code_changes']:,} changes."
    )


def effect_table(inputs: ReportInputs) -> pd.DataFrame:
    """Tabulate, for every quantity of the imputed models, what disagreement adds.

    The column `coders` has the kinds of all coders, the adjudicator's included.
    """
    coders = inputs.codes.coders if inputs.codes else {}
    kinds = "; ".join(sorted(set(coders.values()))) or "not recorded"
    rows = [
        {"model": fit.name, **effect, "coders": kinds}
        for fit in inputs.fits
        for effect in fit.record.get("imputation", {}).get("effect", [])
    ]
    return pd.DataFrame(rows, columns=EFFECT_COLUMNS)


def _effects(inputs: ReportInputs) -> dict[str, list[EffectLine]]:
    found: dict[str, list[EffectLine]] = {}
    for row in effect_table(inputs).to_dict("records"):
        if row["estimand"] not in ("rate_mean", "rate_new") or "=" in str(row["outcome"]):
            continue
        fit = next(fit for fit in inputs.fits if fit.name == row["model"])
        heading = (
            f"{outcome_name(row['outcome'])}, {group_name(row['group'])}: "
            f"{estimand_name(row['estimand'], fit.is_rate)}"
        )
        line = EffectLine(
            heading,
            agreed=_span(row, "agreed"),
            within=_span(row, "within"),
            combined=_span(row, "combined"),
            share=percent(row["between_share"]) if row["between_share"] > 0 else "none",
        )
        found.setdefault(fit.name, []).append(line)
    return found


def _span(row: Mapping[Any, Any], name: str) -> str:
    if pd.isna(row[f"{name}_median"]):
        return "not fitted"
    low, middle, high = (
        estimated_percent(row[f"{name}_{part}"]) for part in ("low", "median", "high")
    )
    return f"{middle} ({low} to {high})"


@dataclass(frozen=True)
class Dispute:
    """One disagreement as a meeting would take it: arms that were coded alike together.

    `units` has the name of each unit and the address of its source, or an empty text.
    """

    field: str
    units: list[tuple[str, str]]
    study: str
    title: str
    models: str
    steps: int | None
    settled: str
    codes: list[dict[str, str]]
    probabilities: list[tuple[str, str]]


def disputes(codes: CodeResults, href: Callable[[str], str]) -> list[Dispute]:
    """Join the arms of a study that were answered alike, in the order of the list.

    Parameters
    ----------
    codes : CodeResults
        The disagreements.
    href : callable
        Address of a study; empty where it has none.

    Returns
    -------
    list of Dispute
        One for each question.
    """
    joined: dict[tuple[str, ...], Dispute] = {}
    for row in codes.disagreements:
        alike = row["kind"] == "arm"
        key = (
            row["field"], row["study"] if alike else row["unit_id"], row["settled"],
            json.dumps([[c["coder"], c["code"]] for c in row["codes"]]),
        )  # fmt: skip
        own = links_in(row.get("source") or "")
        unit = row["unit_id"], own[0][1] if own else href(row["study"])
        if key in joined:
            joined[key].units.append(unit)
            continue
        likely = [(code, percent(p)) for code, p in row["probabilities"] if p >= 0.005]
        joined[key] = Dispute(
            field=spell(row["field"]), units=[unit], study=row["study"],
            title=row["title"], models=", ".join(spell(m) for m in row["models"].split()),
            steps=None if row["steps"] is None else int(row["steps"]), settled=row["settled"],
            codes=row["codes"], probabilities=likely,
        )  # fmt: skip
    return list(joined.values())


def disagreements_csv(codes: CodeResults) -> str:
    """Write the list of disagreements as CSV, one row a unit and field."""
    from meta.evidence.disagreements import flat_table

    table = pd.DataFrame(codes.disagreements)
    if table.empty:
        return "unit_id,kind,study,title,field,models,steps,settled,priority\n"
    table["steps"] = table["steps"].astype("Float64").astype("Int64")
    table["priority"] = table["priority"].astype(float).round(4)
    return str(flat_table(table).to_csv(index=False, lineterminator="\n"))
