"""Files of a run's risk, made up: tables of the shipped profiles, ratios, calculator, drivers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from meta.risk.basis import Basis
from meta.risk.modifier_ratios import modifier_ratios
from meta.risk.shipped_risk import write_shipped_risk
from meta.storage import write_csv
from tests.risk.small_basis import CLAIMS, documents, small_basis, with_counts
from tests.risk.small_models import LEVELS, model

SEED, CI_PROB = 3, 0.95
DRIVERS = ("risk_sensitivity.csv", "value_of_information.csv")


def risk_basis(count: int = 300) -> Basis:
    """Draws, with a shift type that hardly any study has."""
    return with_counts(small_basis(count=count), "shift_type", "extreme", 0.2)


def stored(
    folder: Path, basis: Basis, claims: pd.DataFrame | None = None
) -> tuple[Path, Path, Path]:
    """Files of a run, as the steps write them."""
    files = folder / "risk.csv", folder / "modifiers.csv", folder / "calculator.json"
    printed = pd.read_csv(CLAIMS) if claims is None else claims
    write_shipped_risk(printed, basis, SEED, CI_PROB, files[0], files[2])
    write_csv(files[1], modifier_ratios(documents(), [model(*LEVELS)]))
    return files


def sensitivity() -> pd.DataFrame:
    """What drives two risks, in the columns of `risk_sensitivity.csv` that are read."""
    row = {
        "kind": "shift_type", "profile": "superficial", "outcome": "harmful_misgeneralization",
        "estimand": "rate_mean", "view": "shared", "input": "notoriety", "said": "write-up <b>",
        "risk": 0.07, "risk_low": 0.12, "risk_high": 0.03,
        "first_order_logit": 0.398, "first_order_logit_margin": 0.023,
        "basis": "judgement",
    }  # fmt: skip
    harm = {"input": "harm", "said": "level of harm", "view": "stages", "first_order_logit": 0.266,
            "risk_low": 0.04, "risk_high": 0.1, "basis": "evidence"}  # fmt: skip
    other = {"profile": "extreme", "said": "of another profile"}
    small = {"said": "a short bar", "risk_low": 0.069, "risk_high": 0.071}
    domain = {"kind": "domain", "profile": "ai_assistants"}
    bars = [
        {**row, **domain, "said": name, "risk_low": 0.1, "risk_high": high, "basis": basis}
        for name, high, basis in (
            ("least", 0.11, "evidence"), ("middle", 0.2, "evidence and judgement"),
            ("longest", 0.4, "judgement"), ("shortest", 0.101, "evidence"),
        )
    ]  # fmt: skip
    part = {**bars[0], "view": "predictive", "said": "a part", "risk_low": 0.0, "risk_high": 0.9}
    later = {**row, "kind": "domain_later", "profile": "ai_assistants", "said": "of later"}
    return pd.DataFrame(
        [{**row, **harm}, row, {**row, **other}, {**row, **small}, *bars, part, later]
    )


def information() -> pd.DataFrame:
    """What two measurements would tell, in the columns of `value_of_information.csv`."""
    row = {
        "kind": "all", "profile": "all", "outcome": "harmful_misgeneralization",
        "information": "sample", "rank": 2, "candidate": "notoriety",
        "share_logit": 0.28, "share_logit_margin": 0.02, "limit_logit": 0.34,
        "sentence": "A study of what gets written up would take away 28%.", "basis": "judgement",
    }  # fmt: skip
    first = {
        "rank": 1,
        "candidate": "by_stage:shift_type=extreme",
        "sentence": "Ten more <studies>.",
        "basis": "evidence and judgement",
    }
    other = {"kind": "domain", "sentence": "of one domain"}
    known = {**row, "kind": "shift_type", "profile": "extreme", "information": "perfect"}
    stages = [
        {**known, "candidate": stage, "share_logit": share, "basis": basis}
        for stage, share, basis in (
            ("harm", 0.31, "evidence"), ("goal_failure", -0.01, "judgement"),
            ("notoriety", 0.5, "judgement"),
        )
    ]  # fmt: skip
    return pd.DataFrame([row, {**row, **first}, {**row, **other}, *stages])


def stored_drivers(folder: Path) -> tuple[Path, Path]:
    """Files of what drives risks, and of what to measure next."""
    files = folder / DRIVERS[0], folder / DRIVERS[1]
    for file, table in zip(files, (sensitivity(), information()), strict=True):
        write_csv(file, table)
    return files
