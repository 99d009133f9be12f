"""Where the stored results of a run lie that a report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meta.sensitivity_settings import FEW_STUDIES


@dataclass(frozen=True)
class RunFiles:
    """Files and folders of a run, and what is known beside them; what is missing is left out.

    Attributes
    ----------
    fits
        Folders holding `pooled.csv`, `diagnostics.csv` and `fit.json`.
    analysis
        Analysis rows (Parquet), named after their model.
    flow, studies
        The evidence flow (JSON) and the studies (Parquet).
    refused
        Models that could not be fitted, and why.
    uncoded
        Rows that models leave out because nobody has coded them.
    corrections
        Corrected cells of the raw tables (JSON).
    changes
        What changed since the latest release (JSON).
    codes
        Folder of agreement, disagreements and latent codes.
    checks
        Folder that holds a folder of checks against data for each model.
    figures
        Folder within the site that holds a folder of figures of the sampler for each model.
    sensitivity
        Folders of sensitivity analyses, named after their models.
    few_studies
        With fewer studies behind a rate, the prior table stands beside the main result.
    multiverse
        The multiverse (CSV).
    settings
        Settings in force, for the methods page.
    calibration
        Folder of the committed calibrations.
    claims
        The audit of claims (CSV).
    risk
        Tables of risk and of modifiers (CSV), and the content of the calculator (JSON).
    risk_drivers
        Tables of what drives risks, and of what to measure next (CSV).
    evidence
        The warehouse (DuckDB).
    chains
        Folders of chains with harm.
    """

    fits: Sequence[Path]
    analysis: Sequence[Path]
    flow: Path
    studies: Path
    refused: Mapping[str, str] = field(default_factory=dict)
    uncoded: Mapping[str, list[str]] = field(default_factory=dict)
    corrections: Path | None = None
    changes: Path | None = None
    codes: Path | None = None
    checks: Path | None = None
    figures: Path | None = None
    sensitivity: Sequence[Path] = ()
    few_studies: int = FEW_STUDIES
    multiverse: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    calibration: Path | None = None
    claims: Path | None = None
    risk: tuple[Path, Path, Path] | None = None
    risk_drivers: tuple[Path, Path] | None = None
    evidence: Path | None = None
    chains: Sequence[Path] = ()
