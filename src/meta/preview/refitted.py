"""Pooled numbers of a model refitted to other rows with fewer draws, and how long that takes."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

from meta.preview.results import SUMMARIES, ModelPreview, Moved
from meta.stored import LEFT_OUT, Key, StoredModel, pooled_numbers

if TYPE_CHECKING:
    from meta.config import Settings
    from meta.models.design import Design
    from meta.preview.plan import ModelPlan


def expected_seconds(stored: StoredModel) -> float | None:
    """Expect how long a quick refit takes, from what the stored fit took.

    Parameters
    ----------
    stored
        Model of the last run.

    Returns
    -------
    float or None
        Seconds on a machine like that of the run; None where it did not say.
    """
    from meta.inference.quick import DRAWS, TUNE

    times, sampler = stored.record.get("times", {}), stored.task.sampler
    if not {"compile", "sample"} <= set(times):
        return None
    steps = min(DRAWS, sampler.draws) + min(TUNE, sampler.tune)
    share = steps / (sampler.draws + sampler.tune)
    return float(times["compile"]) + share * float(times["sample"])


def refitted(
    plan: ModelPlan, stored: StoredModel, design: Design, reason: str, settings: Settings
) -> ModelPreview:
    """Refit one model with fewer draws than a run takes.

    Parameters
    ----------
    plan
        What the rows change in the model.
    stored
        Model of the last run.
    design
        Design of the new rows.
    reason
        Why its draws are not reweighted.
    settings
        Settings in force.
    """
    from meta.inference.quick import quick_fit

    cores = min(len(os.sched_getaffinity(0)), stored.task.sampler.chains)
    fit = quick_fit(
        design, stored.task, settings.gate, settings.ci_prob, cores, settings.exceedance
    )
    warnings = list(plan.warnings)
    if fit.failed:
        said = f"the quick refit fails {', '.join(fit.failed)}: a run with all its draws decides"
        warnings.append(said)
    moves = _moves(stored, pooled_numbers(fit.pooled))
    return plan.preview("refitted", reason, draws=fit.draws, warnings=warnings, estimates=moves)


def _moves(stored: StoredModel, after: dict[Key, dict[str, float]]) -> list[Moved]:
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
