"""What the report reads: stored fits, analysis rows, the evidence flow and the studies."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from meta.evidence.imputed_set import AGREED, IMPUTATION
from meta.evidence.links import links as links_in
from meta.evidence.responses import coded_fields
from meta.report.agreement import CodeResults, load_codes
from meta.report.calibration import Calibrations, load_calibrations
from meta.report.chain_results import ChainResults, load_chain
from meta.report.check_tables import CheckTables, load_check_tables
from meta.report.estimates import Estimate, index_estimates
from meta.report.evidence_page.tables import EvidenceTables, load_evidence
from meta.report.risk_page.results import RiskResults, load_risk
from meta.report.run_files import RunFiles
from meta.report.sampler.section import SamplerFigures, load_sampler_figures
from meta.report.sensitivity import Sensitivity, load_sensitivity
from meta.report.wording import KINDS
from meta.risk_settings import RiskSettings
from meta.sensitivity_settings import FEW_STUDIES

RATE_FRAME = "denominator"


@dataclass(frozen=True)
class Fit:
    """One fitted model as stored: its record, pooled rows, checks and analysis rows.

    Attributes
    ----------
    name : str
        Name of the model, as in the configuration.
    record : dict
        Content of ``fit.json``.
    pooled : pandas.DataFrame
        Content of ``pooled.csv``.
    diagnostics : pandas.DataFrame
        Content of ``diagnostics.csv``, every cell as text.
    rows : pandas.DataFrame or None
        Analysis rows, or None where they were not handed in.
    checks : CheckTables or None
        Checks of the fit against data, or None where they were not handed in.
    sampler : SamplerFigures or None
        Figures of how it was sampled, or None where none were drawn.
    imputed : pandas.DataFrame or None
        Of a model of imputed codes, `row_id` and `imputation` of the rows of each code set; `rows`
        are those with agreed codes.
    """

    name: str
    record: dict[str, Any]
    pooled: pd.DataFrame
    diagnostics: pd.DataFrame
    rows: pd.DataFrame | None
    checks: CheckTables | None = None
    sampler: SamplerFigures | None = None
    imputed: pd.DataFrame | None = None

    @property
    def frame(self) -> str:
        """Sampling frame the model was fitted to."""
        return str(self.record.get("frame", ""))

    @property
    def is_rate(self) -> bool:
        """Whether the numbers are rates: composition of a catalogue is not."""
        return self.frame == RATE_FRAME

    @property
    def kind(self) -> str:
        """What the model estimates, said beside its name; empty where it is rates."""
        return KINDS.get(self.frame, "")

    @property
    def top_level(self) -> str:
        """What the rows are first grouped by: a study, or the list that a case stands in."""
        return "source_list" if self.frame == "case_series" else "study"

    @property
    def reads_codes(self) -> bool:
        """Whether coders' codes went into it, as outcomes of cases or as a moderator."""
        moderators = set(self.record.get("spec", {}).get("moderators") or [])
        coded = not moderators.isdisjoint(coded_fields())
        return coded or "imputation" in self.record or self.frame == "case_series"

    @property
    def stages(self) -> list[str]:
        """Stages of the chain that the model estimates."""
        return [str(stage) for stage in self.record.get("spec", {}).get("stages", [])]


@dataclass(frozen=True)
class ReportInputs:
    """Everything a report is made of; nothing else is read while rendering.

    Attributes
    ----------
    fits : tuple of Fit
        The primary model first, the others in the order handed in.
    flow : dict
        Boxes of the evidence flow.
    studies : pandas.DataFrame
        One row a study: ``study_id``, ``title``, ``year``, ``url_or_id``.
    estimates : dict of str to Estimate
        Every pooled number by its key ``model/outcome/group/estimand``.
    refused : mapping of str to str
        Models that could not be fitted to this evidence base, and why.
    uncoded : mapping of str to list of str
        Rows that a model leaves out because nobody has coded them.
    corrections : tuple of dict
        Corrected cells of the raw tables, one record a cell.
    changes : mapping
        What changed since the latest release (`changes.json`); empty where it was not handed in.
    codes : CodeResults or None
        Agreement, disagreements and latent codes; None for a base without codings.
    sensitivity : tuple of Sensitivity
        Sensitivity analyses, by model.
    few_studies : int
        With fewer studies behind a rate, the prior table stands beside the main result.
    multiverse : pandas.DataFrame or None
        The multiverse, where it was fitted to the present inputs.
    settings : mapping
        Settings in force, as far as they were handed in, for the methods page.
    calibration : Calibrations
        Committed calibrations and coverage; empty where none was handed in.
    claims : pandas.DataFrame or None
        The audit of claims; None for a base without claims.
    risk : RiskResults or None
        Risk of profiles; None for a base without the published figures or the models.
    evidence : EvidenceTables or None
        Rows of the evidence base; None where they were not handed in.
    chains : tuple of ChainResults
        Rates joined to the harm of catalogued cases, the primary's first.
    """

    fits: tuple[Fit, ...]
    flow: dict[str, Any]
    studies: pd.DataFrame
    estimates: dict[str, Estimate]
    refused: Mapping[str, str] = field(default_factory=dict)
    uncoded: Mapping[str, list[str]] = field(default_factory=dict)
    corrections: tuple[dict[str, Any], ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    codes: CodeResults | None = None
    sensitivity: tuple[Sensitivity, ...] = ()
    few_studies: int = FEW_STUDIES
    multiverse: pd.DataFrame | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    calibration: Calibrations = field(default_factory=Calibrations)
    claims: pd.DataFrame | None = None
    risk: RiskResults | None = None
    evidence: EvidenceTables | None = None
    chains: tuple[ChainResults, ...] = ()

    @property
    def rate_fits(self) -> tuple[Fit, ...]:
        """Models of rows with denominators."""
        return tuple(fit for fit in self.fits if fit.is_rate)

    @property
    def composition_fits(self) -> tuple[Fit, ...]:
        """Models of rows selected on failure."""
        return tuple(fit for fit in self.fits if fit.frame == "case_series")

    @property
    def contrast_fits(self) -> tuple[Fit, ...]:
        """Models of arms and their baselines."""
        return tuple(fit for fit in self.fits if fit.frame == "contrasts")

    @property
    def primary(self) -> Fit | None:
        """The declared primary rate model; without one, the first rate model."""
        declared = [fit for fit in self.rate_fits if fit.record.get("primary")]
        return next(iter([*declared, *self.rate_fits]), None)

    def href(self, study: str) -> str:
        """Main web address of a study; empty where it is no study or has none."""
        cells = self.studies.loc[self.studies["study_id"].eq(study), "url_or_id"].dropna()
        found = links_in(str(cells.iloc[0])) if len(cells) else []
        return found[0][1] if found else ""

    def row_address(self, name: str, kind: str = "arm") -> str:
        """Address of an arm, study or case on the evidence page; empty where it has no row."""
        known = {} if self.evidence is None else self.evidence.addresses
        address = known.get((kind, name))
        return "" if address is None else f"evidence.html#{quote(address, safe='')}"

    def estimate(self, model: str, outcome: str, group: str, estimand: str) -> Estimate | None:
        """Return one pooled number, or None where the model does not report it."""
        return self.estimates.get(f"{model}/{outcome}/{group}/{estimand}")


def load_inputs(files: RunFiles) -> ReportInputs:
    """Read the stored results that a report is made of, the primary model first."""
    rows = {path.stem: pd.read_parquet(path) for path in files.analysis}
    chains = [load_chain(folder) for folder in files.chains]
    fits = [
        load_fit(folder, rows, files.checks, chains, files.figures, files.codes)
        for folder in files.fits
    ]
    fits.sort(key=lambda fit: not fit.record.get("primary"))
    return ReportInputs(
        fits=tuple(fits),
        flow=_json(files.flow),
        studies=pd.read_parquet(files.studies),
        estimates=index_estimates([fit.pooled for fit in fits]),
        refused=files.refused,
        uncoded=files.uncoded,
        corrections=tuple(_json(files.corrections)) if files.corrections else (),
        changes=_json(files.changes) if files.changes else {},
        codes=load_codes(files.codes) if files.codes else None,
        sensitivity=tuple(load_sensitivity(folder) for folder in files.sensitivity),
        few_studies=files.few_studies,
        multiverse=pd.read_csv(files.multiverse) if files.multiverse else None,
        settings=files.settings,
        calibration=load_calibrations(files.calibration) if files.calibration else Calibrations(),
        claims=pd.read_csv(files.claims) if files.claims else None,
        risk=_risk(files),
        evidence=load_evidence(files.evidence) if files.evidence else None,
        chains=tuple(chains),
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _risk(files: RunFiles) -> RiskResults | None:
    """Risk of profiles; the settings, as far as handed in, say where a tornado's bars end."""
    if files.risk is None:
        return None
    known = files.settings.get("risk", {})
    low, high = known.get("percentiles", RiskSettings().percentiles)
    return load_risk(*files.risk, files.risk_drivers, (float(low), float(high)))


def _imputed_rows(codes: Path, name: str) -> pd.DataFrame | None:
    """Rows of each imputed code set of a model, without those of agreed codes."""
    path = codes / "sets" / f"{name}.parquet"
    if not path.is_file():
        return None
    rows = pd.read_parquet(path, columns=["row_id", IMPUTATION])
    return rows[rows[IMPUTATION] != AGREED]


def load_fit(
    folder: Path,
    rows: dict[str, pd.DataFrame],
    checks: Path | None,
    chains: Sequence[ChainResults] = (),
    figures: Path | None = None,
    codes: Path | None = None,
) -> Fit:
    """Read one model: its folder, its rows by name, folders of all checks, figures and codes."""
    record = _json(folder / "fit.json")
    name = str(record.get("model", folder.name))
    diagnostics = pd.read_csv(folder / "diagnostics.csv", dtype=str, keep_default_na=False)
    tables = load_check_tables(checks / name, name) if checks else None
    more = [tables.gates] if tables else []
    more += [chain.diagnostics for chain in chains if chain.rates == name]
    diagnostics = pd.concat([diagnostics, *more], ignore_index=True)
    return Fit(
        name=name,
        record=record,
        pooled=pd.read_csv(folder / "pooled.csv"),
        diagnostics=diagnostics,
        rows=rows.get(name),
        checks=tables,
        sampler=load_sampler_figures(name, figures, folder) if figures else None,
        imputed=_imputed_rows(codes, name) if codes and "imputation" in record else None,
    )
