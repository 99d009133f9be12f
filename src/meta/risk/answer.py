"""Answer to one question: the risk of profiles in both modes, from a base's run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from meta.claims.audit import read_claims
from meta.errors import UserError
from meta.evidence.responses import coder_kinds
from meta.risk.basis import RECORD, read_basis, thinned
from meta.risk.documents import Documents, has_figures, read_documents
from meta.risk.profile_file import read_profiles
from meta.risk.profile_risk import EVIDENCE_MODE, risk_table
from meta.risk.settings import Profile, read_profile
from meta.settings_file import load_settings
from meta.stored import PROCESSED, RUN, NoResultsError

BASIS = PROCESSED / "risk"
ASKED = "asked"


def answer(directory: Path, settings: Mapping[str, object], file: Path | None) -> pd.DataFrame:
    """Risk of a profile, or of those of a file.

    Parameters
    ----------
    directory
        Holds the results of a run.
    settings
        Of one profile; ignored where a file is named.
    file
        Profiles as YAML or CSV.

    Returns
    -------
    pandas.DataFrame
        Rows as `meta.risk.profile_risk.risk_table` makes them.

    Raises
    ------
    UserError
        If a setting is not legal, or the base has no run or no published figures.
    """
    documents = _documents(directory)
    if file is not None:
        asked = {(ASKED, name): p for name, p in read_profiles(file, documents).items()}
    else:
        asked = {(ASKED, ASKED): read_profile(settings, documents)}
    return table_of(directory, asked, documents)


def table_of(
    directory: Path, profiles: Mapping[tuple[str, str], Profile], documents: Documents
) -> pd.DataFrame:
    """Rows of profiles by the settings and the basis of a directory."""
    in_force = load_settings(directory)
    folder = directory / BASIS
    if not (folder / RECORD).is_file():
        raise NoResultsError(f"{folder / RECORD}: not there: {RUN}")
    basis = thinned(read_basis(folder))
    return risk_table(profiles, documents, basis, in_force.seed, in_force.ci_prob)


def coders_behind(directory: Path) -> dict[str, str]:
    """Kind of each coder whose codes the evidence mode rests on, by name.

    Harm is coded, and so are the settings of the evaluations.

    Parameters
    ----------
    directory
        Holds the results of a run.
    """
    tables = directory / PROCESSED / "tables"
    columns = {"codings": ["coder"], "coders": ["coder", "kind"]}
    there = {name: tables / f"{name}.parquet" for name in columns}
    return coder_kinds(
        {
            name: pd.read_parquet(path, columns=columns[name])
            for name, path in there.items()
            if path.is_file()
        }
    )


def _documents(directory: Path) -> Documents:
    tables = directory / PROCESSED / "tables"
    if not tables.is_dir():
        raise NoResultsError(f"{tables}: not there: {RUN}")
    claims = read_claims(tables)
    if not has_figures(claims):
        raise UserError(
            f"{directory / 'data/raw/claims.csv'}: holds no figure of the published risk model, "
            "whose levels of specification and remedies a profile is made of"
        )
    return read_documents(claims)


def as_json(table: pd.DataFrame, coders: Mapping[str, str]) -> str:
    """Rows as a JSON list; what is not a number is null, evidence has the kind of its coders."""
    records = table.astype(object).where(table.notna(), None).to_dict("records")
    for record in records:
        record["coders"] = dict(coders) if record["mode"] == EVIDENCE_MODE else None
    return json.dumps(records, indent=2, ensure_ascii=False, allow_nan=False)
