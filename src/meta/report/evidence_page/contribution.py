"""What a row contributes: the models that use it, and its study's rate and influence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meta.report.estimates import Estimate
from meta.report.evidence_page.tables import KINDS
from meta.report.inputs import Fit, ReportInputs
from meta.report.wording import PRODUCTS, estimand_name, group_name, outcome_name


@dataclass(frozen=True)
class Influence:
    """How far pooled numbers of the primary model move without a study.

    Attributes
    ----------
    shift, tau : float
        Of the mean rate that moves most and of the spread between studies, in posterior standard
        deviations.
    of : str
        Name of that mean rate.
    """

    shift: float
    of: str
    tau: float

    @property
    def shown(self) -> str:
        """The largest shift."""
        return f"{self.shift:+.2f} sd".replace("-", "−")

    def remark(self, kind: str) -> str:
        """Say what moves, and on the row of an arm that it is without its whole study."""
        return f"its study; {self.of}" if kind == "arm" else self.of

    @property
    def sentence(self) -> str:
        """What happens without the study, in words."""
        shift, tau = (f"{value:+.2f}".replace("-", "−") for value in (self.shift, self.tau))
        return (
            f"Without the study, “{self.of}” moves by {shift} posterior standard deviations "
            f"and the spread between studies (tau) by {tau}. Of one arm alone, "
            "`meta preview --remove ARM` shows it."
        )


@dataclass(frozen=True)
class Contributions:
    """What the rows of an evidence base contribute.

    Attributes
    ----------
    model : str
        Name of the primary model; empty where no rate model could be fitted.
    rates : mapping of str to list of Estimate
        Shrunken rates of each study under the primary model, products first.
    influence : mapping of str to Influence
        By study.
    models : mapping of str to list of str
        Models that read an arm or a case, by its id: of imputed codes, in any code set.
    studies : mapping of str to list of str
        Models that read an arm or a case of a study, by study.
    """

    model: str = ""
    rates: Mapping[str, list[Estimate]] = field(default_factory=dict)
    influence: Mapping[str, Influence] = field(default_factory=dict)
    models: Mapping[str, list[str]] = field(default_factory=dict)
    studies: Mapping[str, list[str]] = field(default_factory=dict)

    def readers(self, kind: str, name: str) -> list[str]:
        """Models that read a row: of a study, an arm or a case of it."""
        # Apart, since a study may have the name of an arm.
        return (self.studies if kind == "study" else self.models).get(name, [])

    def rate(self, study: str) -> Estimate | None:
        """The study's rate that leads: of the product, where the model has one."""
        return next(iter(self.rates.get(study, [])), None)

    def sentences(self, study: str) -> list[str]:
        """What the study contributes, in words; empty where the primary model does not use it."""
        said = [
            f"{outcome_name(each.outcome)}, the study's own rate shrunken towards the others: "
            f"{each.shown} ({each.interval})."
            for each in self.rates.get(study, [])
        ]
        moved = self.influence.get(study)
        return said + ([moved.sentence] if moved else [])


def contributions(run: ReportInputs) -> Contributions:
    """Collect what rows contribute to the models.

    Parameters
    ----------
    run : ReportInputs
        The stored results.

    Returns
    -------
    Contributions
        Rates and influence are those of the primary model.
    """
    models = _readers(run)
    studies = _studies_of(run, models)
    primary = run.primary
    if primary is None:
        return Contributions(models=models, studies=studies)
    rates: dict[str, list[Estimate]] = {}
    for each in run.estimates.values():
        if each.model == primary.name and each.estimand == "study_rate":
            rates.setdefault(each.group.removeprefix("study="), []).append(each)
    for listed in rates.values():
        listed.sort(key=lambda each: each.outcome not in PRODUCTS)
    checks = primary.checks
    moved = [] if checks is None else checks.studies.to_dict("records")
    influence = {str(row["study"]): _influence(row) for row in moved}
    return Contributions(primary.name, rates, influence, models, studies)


def _readers(run: ReportInputs) -> dict[str, list[str]]:
    """Models by the id of each arm and case that they read."""
    models: dict[str, list[str]] = {}
    for fit in run.fits:
        rows = _cases_of(run, fit) if fit.frame == "case_series" else _arms_of(fit)
        for row in dict.fromkeys(rows):
            models.setdefault(row, []).append(fit.name)
    return models


def _studies_of(run: ReportInputs, models: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Models by the id of each study of which they read a row, in the order of the fits."""
    if run.evidence is None:
        return {}
    found: dict[str, set[str]] = {}
    for table, key in (KINDS["arm"], KINDS["case"]):
        frame = run.evidence.frames[table]
        if "study_id" not in frame:
            continue
        for row, study in zip(frame[key], frame["study_id"], strict=True):
            found.setdefault(str(study), set()).update(models.get(str(row), []))
    names = [fit.name for fit in run.fits]
    return {study: [name for name in names if name in read] for study, read in found.items()}


def _arms_of(fit: Fit) -> list[str]:
    """Arms of a model, whichever of its code sets has them."""
    rows = fit.rows if fit.imputed is None else fit.imputed
    return [] if rows is None else rows["row_id"].astype(str).tolist()


def _cases_of(run: ReportInputs, fit: Fit) -> list[str]:
    """Cases that a model's filter keeps and that somebody has coded.

    Its rows are counts of cases, which do not name them.
    """
    if run.evidence is None:
        return []
    cases = run.evidence.frames["cases"]
    wanted = fit.record.get("spec", {}).get("filter") or {}
    for column, values in wanted.items():
        if column in cases:
            cases = cases[cases[column].isin(values)]
    coded = set(run.evidence.frames["codings"]["unit_id"])
    return [case for case in cases["case_id"].astype(str) if case in coded]


def _influence(row: Mapping[Any, Any]) -> Influence:
    outcome, group, estimand = str(row["largest_of"]).split("/")
    of = f"{outcome_name(outcome)}, {estimand_name(estimand)}"
    named = of if group == "all" else f"{of} ({group_name(group)})"
    return Influence(float(row["largest_shift_sd"]), named, float(row["tau_shift_sd"]))
