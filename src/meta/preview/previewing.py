"""Previewing: proposed rows are checked, each model is reweighted, and refitted where it must be.

Stored draws of every model are reweighted first, which takes seconds. The primary model, or one
that was named, is refitted with fewer draws where the Pareto k does not allow that, last and
announced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from meta.checks.reweighting import NotReweightableError
from meta.config import Settings
from meta.errors import UserError
from meta.evidence.analysis_set import analysis_set, data_hash
from meta.evidence.canonical import read_canonical
from meta.evidence.checking import check
from meta.evidence.index import RAW_HASH, raw_hash
from meta.evidence.problems import EvidenceError, format_text
from meta.evidence.proposal import NOT_PREVIEWED, Proposal, propose, propose_folder
from meta.plural import counted
from meta.preview.plan import ModelPlan, plan_model
from meta.preview.refitted import expected_seconds, refitted
from meta.preview.results import ModelPreview, Preview
from meta.preview.reweighted import reweight
from meta.preview.rows import row_fates
from meta.settings_file import load_settings
from meta.stored import PROCESSED, RUN, NoResultsError, rate_models, read_model


@dataclass(frozen=True)
class Previewing:
    """A preview under way: what becomes of the rows is known, the models follow one by one.

    Attributes
    ----------
    rows, remarks
        As of `Preview`.
    models
        Each model as it is done: reweighted ones first, refitted ones after them, and those that
        are never previewed last.
    """

    rows: list[dict[str, str]]
    remarks: list[str]
    models: Iterator[ModelPreview]


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
    directory, files, remove, models, folder
        As of `start_preview`.

    Returns
    -------
    Preview
        All models, the primary first and the others as the settings order them.

    Raises
    ------
    UserError
        If rows and base have errors, or there is no stored posterior of the base as it is.
    """
    return whole(start_preview(directory, files, remove, models, folder))


def whole(started: Previewing) -> Preview:
    """Finish a preview that is under way; the primary model comes first, however long it took."""
    found = sorted(started.models, key=lambda model: not model.primary)
    return Preview(started.rows, found, started.remarks)


def start_preview(
    directory: Path,
    files: Mapping[Path, str | None],
    remove: Iterable[str] = (),
    models: Iterable[str] = (),
    folder: Path | None = None,
    refit: bool = True,
    announce: Callable[[str], None] = lambda _: None,
) -> Previewing:
    """Check proposed rows and find what they change; the models are computed as they are asked for.

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
    refit
        Whether models may be refitted at all.
    announce
        Told before each refit which model it is, why, and how long it may take.

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
    tables = proposal.evidence.tables
    plans = [plan_model(directory, settings, name, tables) for name in named or known]
    refitting = {p.model for p in plans if refit and (p.primary or named)}
    found = _models(plans, settings, refitting, announce, [] if named else not_previewed(settings))
    rows = row_fates(proposal, settings, {plan.model: plan.rows for plan in plans})
    return Previewing(rows, remarks_of(proposal, files), found)


def remarks_of(proposal: Proposal, files: Iterable[Path]) -> list[str]:
    """Say what the check remarks on in the proposed files, and how many rows are as stored."""
    shown = {str(path) for path in files}
    remarks = [p for p in proposal.evidence.problems if p.file in shown]
    said = format_text(remarks).splitlines()[:-1]
    if proposal.unchanged:
        verb = "is" if proposal.unchanged == 1 else "are"
        said.append(f"{counted(proposal.unchanged, 'proposed row')} {verb} as stored: not listed")
    return said


def _models(
    plans: list[ModelPlan],
    settings: Settings,
    refitting: set[str],
    announce: Callable[[str], None],
    rest: list[ModelPreview],
) -> Iterator[ModelPreview]:
    """Reweight every model, then refit what must be and may be."""
    waiting: list[tuple[ModelPlan, ModelPreview]] = []
    for plan in plans:
        found = _without_refit(plan, settings)
        if found.method == "needs a refit" and plan.model in refitting:
            waiting.append((plan, found))
        else:
            yield found
    for plan, found in waiting:
        assert plan.stored is not None
        assert plan.design is not None
        seconds = expected_seconds(plan.stored)
        time = f"; the last run's times let expect {seconds:.0f} s or more" if seconds else ""
        announce(f"{plan.model}: {found.reason}: refitting it with fewer draws{time}")
        done = refitted(plan, plan.stored, plan.design, found.reason, settings)
        yield replace(done, pareto_k=found.pareto_k, ess=found.ess)
    yield from rest


def _without_refit(plan: ModelPlan, settings: Settings) -> ModelPreview:
    if plan.stored is None:
        return plan.preview("none", plan.reason)
    if plan.change is None:
        return plan.preview("needs a refit", plan.reason)
    try:
        weights, moved = reweight(plan.stored, plan.change, settings.ci_prob)
    except NotReweightableError as error:
        return plan.preview("needs a refit", str(error))
    judged = {"pareto_k": weights.pareto_k, "ess": weights.ess}
    if not weights.reliable:
        return plan.preview("needs a refit", weights.reason, **judged)
    return plan.preview(
        "reweighted", weights.reason, draws=weights.weight.size, estimates=moved(), **judged
    )


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
