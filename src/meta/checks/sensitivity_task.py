"""What the sensitivity analyses of one model depend on, as one document that a job can be given."""

from __future__ import annotations

from meta.config import FitTask, Gate, Settings
from meta.priors import PriorSet, Strict
from meta.sensitivity_settings import Sensitivity

#: Tables that an analysis of one model writes.
TABLES = (
    "power_scaling", "prior_table", "correlation", "unit_of_n", "zero_events", "flips",
    "small_study", "small_study_points", "frequentist",
)  # fmt: skip


class SensitivityTask(Strict):
    """Everything that the sensitivity analyses of one model depend on besides its fit and rows."""

    task: FitTask
    sensitivity: Sensitivity
    priors: dict[str, PriorSet]
    gate: Gate
    ci_prob: float


def sensitivity_task(settings: Settings, model: str) -> SensitivityTask:
    """Collect what the analyses of one model need from the settings."""
    chosen = settings.sensitivity
    return SensitivityTask(
        task=settings.task(model),
        sensitivity=chosen,
        priors={name: settings.alternative_priors(model, name) for name in chosen.priors},
        gate=settings.gate,
        ci_prob=settings.ci_prob,
    )
