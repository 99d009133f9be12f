"""Section on contrasts: what interventions do, by study and pooled, and the pairs behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from meta.evidence.contrast_set import read_edges
from meta.evidence.dictionary import load_dictionary
from meta.plural import counted
from meta.report.estimates import Estimate
from meta.report.inputs import Fit, ReportInputs
from meta.report.odds_figure import OddsBlock, OddsLine, odds_plot
from meta.report.svg import Drawing
from meta.report.tables import Line, Table
from meta.report.verdict import stamp
from meta.report.wording import estimand_name, spell, study_label, unit_of

OUTCOME = "goal_failure"
#: Columns of the pooled effects.
ODDS = ("odds_ratio", "odds_ratio_new", "odds_ratio_new_pair")
POOLED = (*ODDS, "baseline_rate", "risk_ratio", "risk_difference")
PAIR_COLUMNS = [
    "model", "study", "intervention", "arm_id", "events", "trials", "baseline_arm_id",
    "baseline_events", "baseline_trials",
]  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Counts of one arm and its baseline, as they stand in the tables."""

    study: str
    intervention: str
    arm: str
    baseline: str
    counts: str
    baseline_counts: str
    href: str


@dataclass(frozen=True)
class ContrastSection:
    """Effects of one model of contrasts."""

    fit: Fit
    figure: Drawing
    pooled: Table
    spread: Table
    baseline: Estimate | None
    behind: str
    alone: tuple[str, ...]
    meanings: tuple[tuple[str, str], ...]
    pairs: tuple[Pair, ...]
    checked: str


def contrast_sections(inputs: ReportInputs) -> list[ContrastSection]:
    """Show each model of contrasts; none where the base has no contrasts."""
    return [_section(inputs, fit, number) for number, fit in enumerate(inputs.contrast_fits)]


def _section(inputs: ReportInputs, fit: Fit, number: int) -> ContrastSection:
    studies = effects_by_study(inputs, fit)
    pooled = [k for k in studies if inputs.estimate(fit.name, OUTCOME, _group(k), "odds_ratio")]
    order = [*pooled, *(k for k in studies if k not in pooled)]
    blocks = [_block(inputs, fit, name, studies[name], name in pooled) for name in order]
    title = "Odds of goal failure with an intervention, over those without it"
    used = [e for e in ("tau_delta", "kappa", "icc") if _overall(inputs, fit, e)]
    spread = tuple(_overall(inputs, fit, e) for e in used)
    meanings = load_dictionary()["contrasts"].fields["intervention"].values or {}
    return ContrastSection(
        fit,
        odds_plot(f"fig-contrasts-{number}", title, blocks, stamp(inputs, {fit.name})),
        Table(
            tuple(_heading(e) for e in POOLED),
            tuple(Line(_label(fit, k), "", _cells(inputs, fit, k)) for k in pooled),
        ),
        Table(
            tuple(estimand_name(e) for e in used),
            (Line("log odds", "", spread),) if used else (),
        ),
        _overall(inputs, fit, "baseline_rate"),
        _behind(fit),
        tuple(spell(k) for k in order if k not in pooled),
        tuple((spell(k), meanings[k]) for k in order if k in meanings),
        tuple(_pairs(inputs, fit)),
        how_checked(fit),
    )


def _heading(estimand: str) -> str:
    """Name of a column; a difference is written in percentage points and says so."""
    name = estimand_name(estimand)
    if estimand == "risk_difference":
        return f"{name}, {unit_of(estimand)}"
    return f"Odds ratio, {name}" if estimand in ODDS else name


def how_checked(fit: Fit) -> str:
    """Say what a model of contrasts was checked against, and what not."""
    if fit.checks is None or fit.checks.predictive.empty:
        return (
            "This model passed checks of the sampler at most: no predictive check was made of it."
        )
    warnings = fit.checks.warnings
    bad = [] if warnings.empty else warnings.loc[warnings["passed"] != "True", "meaning"].tolist()
    said = (
        "Beside the sampler this model is checked by replicates of its arms with new effects; no "
        "study is left out, no sensitivity analysis is made of it."
    )
    if not bad:
        return f"{said} No statistic of them stands out."
    misfit = "; ".join(str(meaning).rpartition(";")[0] for meaning in bad)
    return (
        f"{said} It does not fit in every respect: {misfit}. Pairs further apart than the model "
        "can give are drawn in by it, so read their own counts below."
    )


def effects_by_study(inputs: ReportInputs, fit: Fit) -> dict[str, list[tuple[str, Estimate]]]:
    """Study and odds ratio of each effect that a model reports by study, by intervention."""
    found: dict[str, list[tuple[str, Estimate]]] = {}
    for estimate in inputs.estimates.values():
        if estimate.model == fit.name and estimate.estimand == "study_odds_ratio":
            name, study = (part.partition("=")[2] for part in estimate.group.split("|", 1))
            found.setdefault(name, []).append((study, estimate))
    return found


def pairs_table(inputs: ReportInputs) -> pd.DataFrame:
    """Counts of every pair of arms in a model of contrasts, one row a contrast."""
    records = []
    for fit in inputs.contrast_fits:
        if fit.rows is None:
            continue
        counts = dict(zip(fit.rows["row_id"].astype(str), _counts(fit.rows), strict=True))
        study = dict(zip(fit.rows["row_id"].astype(str), fit.rows["study"], strict=True))
        for arm, baseline, name in read_edges(fit.rows):
            of_both = (arm, *counts[arm], baseline, *counts[baseline])
            records.append((fit.name, study[arm], name, *of_both))
    return pd.DataFrame(records, columns=PAIR_COLUMNS).sort_values(
        ["model", "intervention", "study", "arm_id"], ignore_index=True
    )


def _counts(rows: pd.DataFrame) -> list[tuple[int, int]]:
    columns = rows[["events_goal_failure", "trials_goal_failure"]].astype(int)
    return [(int(events), int(trials)) for events, trials in columns.to_numpy()]


def _pairs(inputs: ReportInputs, fit: Fit) -> list[Pair]:
    table = pairs_table(inputs)
    return [
        Pair(
            study_label(str(row.study)),
            spell(str(row.intervention)),
            str(row.arm_id),
            str(row.baseline_arm_id),
            f"{row.events:,}/{row.trials:,}",
            f"{row.baseline_events:,}/{row.baseline_trials:,}",
            inputs.href(str(row.study)),
        )
        for row in table[table["model"] == fit.name].itertuples()
    ]


def _block(
    inputs: ReportInputs,
    fit: Fit,
    name: str,
    studies: Sequence[tuple[str, Estimate]],
    pooled: bool,
) -> OddsBlock:
    lines = [OddsLine(study_label(study), estimate, "study") for study, estimate in studies]
    for kind in ("odds_ratio", "odds_ratio_new") if pooled else ():
        estimate = inputs.estimate(fit.name, OUTCOME, _group(name), kind)
        if estimate:
            lines.append(OddsLine(estimand_name(kind), estimate, kind))
    heading = spell(name).capitalize() + ("" if pooled else " (not pooled)")
    return OddsBlock(heading, tuple(lines))


def _group(name: str) -> str:
    return f"intervention={name}"


def _cells(inputs: ReportInputs, fit: Fit, name: str) -> tuple[Estimate | None, ...]:
    return tuple(inputs.estimate(fit.name, OUTCOME, _group(name), kind) for kind in POOLED)


def _label(fit: Fit, name: str) -> str:
    table = fit.pooled
    row = table[(table["group"] == _group(name)) & (table["estimand"] == "odds_ratio")].iloc[0]
    return f"{spell(name).capitalize()}: {_size(row)}"


def _overall(inputs: ReportInputs, fit: Fit, estimand: str) -> Estimate | None:
    return inputs.estimate(fit.name, OUTCOME, "all", estimand)


def _behind(fit: Fit) -> str:
    part = fit.record.get("rows", {}).get(OUTCOME, {})
    if not part:
        return ""
    return _size(part)


def _size(part: Mapping[str, int] | pd.Series) -> str:
    kinds = {"k_studies": "study", "k_rows": "arm", "n_trials": "trial"}
    return ", ".join(counted(int(part[column]), noun) for column, noun in kinds.items())
