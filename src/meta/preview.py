"""Preview: how proposed rows would move the pooled estimates, before they enter the evidence.

The stored posterior is reweighted where the Pareto k of the weights allows, and the model is
refitted with fewer draws where it does not.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import pandas as pd

from meta.checks.importance import Shift, Weights, shift, smoothed_weights
from meta.checks.reweighting import Change, NotReweightableError, compare
from meta.config import Settings
from meta.errors import DesignError, MissingRowsError, UserError
from meta.evidence.analysis_set import analysis_set, data_hash
from meta.evidence.canonical import read_canonical
from meta.evidence.changes import TableChanges, compare_rows
from meta.evidence.checking import check
from meta.evidence.index import RAW_HASH, raw_hash
from meta.evidence.problems import EvidenceError, format_text
from meta.evidence.proposal import NOT_PREVIEWED, Proposal, propose, propose_folder
from meta.inference.draws import read_draws
from meta.models.design import Design
from meta.models.specification import design_of
from meta.settings_file import load_settings
from meta.stored import (
    LEFT_OUT,
    PROCESSED,
    RUN,
    Key,
    NoResultsError,
    StoredModel,
    pooled_numbers,
    rate_models,
    read_model,
)

SUMMARIES = ("mean", "median", "ci_low", "ci_high")


@dataclass(frozen=True)
class Moved:
    """One pooled number before and after; `mcse` is that of the difference of the means."""

    outcome: str
    group: str
    estimand: str
    before: dict[str, float]
    after: dict[str, float]
    difference: float
    in_sd: float
    mcse: float

    @property
    def beyond_error(self) -> bool:
        """Whether the mean moves by more than twice its Monte Carlo error."""
        return abs(self.difference) > 2 * self.mcse


@dataclass(frozen=True)
class ModelPreview:
    """What the rows would do to one model.

    Attributes
    ----------
    model, primary
        Which model.
    method
        `none` (no row of it changes), `reweighted`, `refitted` or `needs a refit`.
    reason
        Why that method.
    pareto_k, ess
        Of the weights, where there are any.
    draws
        Draws behind the estimates.
    rows
        Rows that are added, removed and changed in its analysis set.
    warnings
        Checks that failed, of the stored fit and of the refit.
    estimates
        The pooled numbers.
    """

    model: str
    primary: bool
    method: str
    reason: str
    pareto_k: float | None = None
    ess: float | None = None
    draws: int | None = None
    rows: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    estimates: list[Moved] = field(default_factory=list)


@dataclass(frozen=True)
class Preview:
    """A whole preview: the proposed rows, which of them are pooled, and each model.

    `remarks` are the warnings and notes that the check makes of the proposed rows.
    """

    rows: list[dict[str, str]]
    models: list[ModelPreview]
    remarks: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return a document for programs; what JSON cannot hold is null."""
        return cast("dict[str, Any]", _finite(asdict(self)))


def _finite(value: Any) -> Any:
    """Replace numbers that are not finite by None."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def preview(
    directory: Path,
    files: Mapping[Path, str | None],
    remove: Iterable[str] = (),
    models: Iterable[str] = (),
    folder: Path | None = None,
) -> Preview:
    """Tell how rows would move the pooled estimates; the base is only read.

    Parameters
    ----------
    directory
        Evidence base with the results of a run.
    files
        Files of new or changed rows, each with the name of its table or None.
    remove
        Arms to leave out.
    models
        Rate models to preview; all by default, of which the primary alone is refitted if need be.
    folder
        Folder of raw tables to preview instead of files: every difference from the last run.

    Raises
    ------
    UserError
        If rows and base have errors, or there is no stored posterior of the base as it is.
    """
    settings = load_settings(directory)
    known, named = rate_models(settings), list(models)
    if wrong := [m for m in named if m not in known]:
        raise UserError(f"no rate model {', '.join(wrong)}; rate models: {', '.join(known)}")
    if not known:
        raise UserError("every rate model reads imputed codes, so only a run shows what rows move")
    # The primary is always previewed from results; without them there is nothing to reweight.
    read_model(directory, settings, (named or known)[0])
    if folder is None:
        _require_current(directory, settings, named or known)
        proposal = propose(directory, files, remove)
    else:
        proposal = propose_folder(folder, read_canonical(directory / PROCESSED / "tables"))
    found = [
        _preview_model(directory, settings, name, proposal, bool(named)) for name in named or known
    ]
    found += [] if named else not_previewed(settings)
    shown = {str(path) for path in files}
    remarks = [p for p in proposal.evidence.problems if p.file in shown]
    lines = format_text(remarks).splitlines()[:-1]
    return Preview(_row_fates(proposal, settings, found), found, lines)


#: Why models of a frame are never previewed.
NEVER = {
    "contrasts": "models contrasts, whose effects are not reweighted: a run shows how they move",
    "case_series": "gives the composition of listed cases, which is not reweighted: a run shows "
    "how it moves",
}
IMPUTES = "reads imputed codes, which new rows would change: a run shows how it moves"


def not_previewed(settings: Settings) -> list[ModelPreview]:
    """Every model whose draws cannot be reweighted, each with the reason.

    Parameters
    ----------
    settings
        Settings in force.
    """
    known = rate_models(settings)
    return [
        ModelPreview(
            model=name,
            primary=spec.primary,
            method="none",
            reason=f"not previewed: {NEVER.get(spec.frame, IMPUTES)}",
        )
        for name, spec in settings.models.items()
        if name not in known
    ]


def _require_current(directory: Path, settings: Settings, models: list[str]) -> None:
    """Refuse where data/raw has moved on from the stored posteriors: two edits would be mixed."""
    stored = directory / PROCESSED / "tables" / RAW_HASH
    if stored.is_file() and stored.read_text(encoding="utf-8") == raw_hash(directory):
        return
    evidence = check(directory)
    if evidence.errors:
        raise EvidenceError(evidence.problems, NOT_PREVIEWED)
    for name in models:
        file = directory / PROCESSED / "analysis" / f"{name}.parquet"
        if not file.is_file():
            continue
        stored_rows = read_model(directory, settings, name).rows
        now = analysis_set(evidence.tables, name, settings.models[name])
        if data_hash(now) != data_hash(stored_rows):
            raise NoResultsError(
                f"{name}: data/raw holds other rows than the stored posterior, so the two changes "
                f"would be mixed: {RUN}, or `meta preview data/raw` to see what these rows move"
            )


def _preview_model(
    directory: Path, settings: Settings, name: str, proposal: Proposal, named: bool
) -> ModelPreview:
    spec = settings.models[name]
    head: dict[str, Any] = {"model": name, "primary": spec.primary}
    try:
        stored = read_model(directory, settings, name)
        table = analysis_set(proposal.evidence.tables, name, spec)
        head["rows"] = _rows_of(compare_rows(stored.rows, table, ("row_id",)))
        design = design_of(table, spec)
    except (NoResultsError, DesignError, MissingRowsError) as error:
        return ModelPreview(**head, method="none", reason=f"cannot be previewed: {error}")
    head["warnings"] = _failed_checks(stored)
    try:
        change = compare(stored.design, design)
        if change.empty:
            reason = "no row that it pools changes: nothing moves"
            return ModelPreview(**head | {"rows": {}}, method="none", reason=reason)
        head["rows"] = _rows_of(change)
        weights, moved = reweight(stored, change, settings.ci_prob)
        head |= {"pareto_k": weights.pareto_k, "ess": weights.ess}
        if weights.reliable:
            return ModelPreview(
                **head, method="reweighted", reason=weights.reason,
                draws=weights.weight.size, estimates=moved(),
            )  # fmt: skip
        reason = weights.reason
    except NotReweightableError as error:
        reason = str(error)
    if not (spec.primary or named):
        return ModelPreview(
            **head, method="needs a refit", reason=f"{reason}; --model {name} refits it"
        )
    return _refitted(head, reason, stored, design, settings)


def _rows_of(change: TableChanges | Change) -> dict[str, list[str]]:
    return {kind: list(getattr(change, kind)) for kind in ("added", "removed", "changed")}


def _failed_checks(stored: StoredModel) -> list[str]:
    failed = [name for name, c in stored.record.get("checks", {}).items() if not c["passed"]]
    if stored.record.get("passed") and not failed:
        return []
    which = ", ".join(failed) or "no check recorded"
    return [f"the stored fit did not pass its checks ({which}): do not cite what follows"]


def reweight(
    stored: StoredModel, change: Change, ci_prob: float
) -> tuple[Weights, Callable[[], list[Moved]]]:
    """Weigh stored draws towards other rows.

    Parameters
    ----------
    stored
        Model of the last run.
    change
        What differs between its rows and the others.
    ci_prob
        Mass of the intervals.

    Returns
    -------
    tuple
        The weights, and a function that gives every population quantity before and after.

    Raises
    ------
    NotReweightableError
        If the integrals would cost more than a refit.
    """
    draws = read_draws(stored.posterior, stored.design, change.draws())
    weights = smoothed_weights(change.log_ratio(draws.parameters).reshape(draws.shape))

    def moved() -> list[Moved]:
        values = stored.population_draws(draws.step)
        return [
            _shifted(key, stored.numbers[key], shift(each, weights, ci_prob))
            for key, each in values.items()
        ]

    return weights, moved


def _shifted(key: tuple[str, str, str], row: dict[str, float], change: Shift) -> Moved:
    before = {name: row[name] for name in SUMMARIES}
    moves = (change.mean, change.median, change.low, change.high)
    after = {n: before[n] + m for n, m in zip(SUMMARIES, moves, strict=True)}
    if key[2].startswith(("rate_", "share_above_")):
        after = {name: min(max(value, 0.0), 1.0) for name, value in after.items()}
    sd = row["sd"]
    return Moved(*key, before, after, change.mean, change.mean / sd if sd else 0.0, change.mcse)


def _refitted(
    head: dict[str, Any], reason: str, stored: StoredModel, design: Design, settings: Settings
) -> ModelPreview:
    from meta.inference.quick import quick_fit

    cores = min(len(os.sched_getaffinity(0)), stored.task.sampler.chains)
    fit = quick_fit(
        design, stored.task, settings.gate, settings.ci_prob, cores, settings.exceedance
    )
    if fit.failed:
        head["warnings"] = [
            *head["warnings"],
            f"the quick refit fails {', '.join(fit.failed)}: a run with all its draws decides",
        ]
    return ModelPreview(
        **head, method="refitted", reason=reason, draws=fit.draws,
        estimates=_refit_moves(stored, pooled_numbers(fit.pooled)),
    )  # fmt: skip


def _refit_moves(stored: StoredModel, after: dict[Key, dict[str, float]]) -> list[Moved]:
    found = []
    for key, new in after.items():
        if key[2] == LEFT_OUT or key not in stored.numbers:
            continue
        old = stored.numbers[key]
        difference = new["mean"] - old["mean"]
        before, then = ({name: each[name] for name in SUMMARIES} for each in (old, new))
        in_sd = difference / old["sd"] if old["sd"] else 0.0
        error = math.hypot(old["mcse_mean"], new["mcse_mean"])
        found.append(Moved(*key, before, then, difference, in_sd, error))
    return found


def _row_fates(
    proposal: Proposal, settings: Settings, models: list[ModelPreview]
) -> list[dict[str, str]]:
    """Say of each proposed row which models' rows it changes, or why none."""
    used: dict[str, list[str]] = {}
    for each in models:
        for names in each.rows.values():
            for name in names:
                used.setdefault(name, []).append(each.model)
    fates = []
    for row in proposal.rows:
        if row.table == "arms" and row.key in used:
            fate = f"changes what {', '.join(used[row.key])} pools"
        elif row.table == "arms":
            fate = _why_not_pooled(proposal.evidence.tables["arms"], row.key, settings)
        elif row.table == "studies":
            fate = "is a study; its arms are what is pooled"
        elif row.table in ("codings", "coders"):
            fate = _fate_of_codes(settings, used, row.key)
        else:
            fate = f"no rate model reads {row.table}: no rate moves"
        fates.append({"table": row.table, "id": row.key, "action": row.action, "fate": fate})
    return fates


def _fate_of_codes(settings: Settings, used: Mapping[str, list[str]], key: str) -> str:
    """Say what a coding, or the description of a coder, moves."""
    readers = {
        name: spec
        for name, spec in settings.models.items()
        if spec.frame == "denominator" and spec.coded_fields
    }
    if not readers:
        return "no rate model reads codes: no rate moves"
    imputing = [name for name, spec in readers.items() if spec.imputes]
    parts = []
    if imputing:
        parts.append(f"may change the imputed codes of {', '.join(imputing)}: a run shows how")
    unit = key.split(" / ")[0]
    if pooled := [name for name in used.get(unit, []) if name in readers]:
        parts.append(f"changes what {', '.join(pooled)} pools")
    return "; ".join(parts) or f"changes no agreed code that {', '.join(readers)} reads"


def _why_not_pooled(arms: pd.DataFrame, name: str, settings: Settings) -> str:
    found = arms[arms["arm_id"] == name]
    if found.empty:
        return "was not pooled: nothing moves"
    row = found.iloc[0]
    for column, values in settings.models[settings.primary].row_filter.items():
        if column in row and str(row[column]) not in values:
            value = "blank" if pd.isna(row[column]) else row[column]
            return (
                f"is not pooled, because {column} is {value} (pooled: {', '.join(values)}): "
                "nothing moves"
            )
    return "changes nothing that a model reads: nothing moves"
