"""Answer to one question: the risk of a profile in both modes, from the base's run."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from meta.claims.audit import read_claims
from meta.errors import UserError
from meta.risk.basis import RECORD, read_basis
from meta.risk.documents import Documents, has_figures, read_documents
from meta.risk.profile_file import read_profiles
from meta.risk.profile_risk import EVIDENCE_MODE, risk_table
from meta.risk.settings import Profile, read_profile
from meta.settings_file import load_settings
from meta.stored import PROCESSED, RUN, NoResultsError

BASIS = PROCESSED / "risk"
ASKED = "asked"
NAMES = {
    "capability_transfer": "capability transfers",
    "goal_failure": "goal fails, given capability",
    "capable_goal_failure": "both",
    "harm": "significant harm, given goal failure",
    "harmful_misgeneralization": "all three: harmful failure",
}
ESTIMANDS = {"rate_mean": "average over studies", "rate_new": "a new study"}
MEANING = {
    "extrapolates": "no study has this setting: extrapolated by the model's prior",
    "no_cases": "no catalogued case has this setting: harm there is extrapolated",
    "no_evidence": "no study or case has this setting, which changes nothing in the evidence mode",
    "exceeds_one": "the published product exceeds 1, so it is no probability",
    "shift_not_printed": "the documents print no base probability for this shift",
    "in_a_gap": "the score lies between two printed levels",
    "outside_configurations": "a level that the documents print no multiplier for",
    "no_printed_figure": "a remedy without a printed figure changes nothing in the published mode",
}


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
    return risk_table(profiles, documents, read_basis(folder), in_force.seed, in_force.ci_prob)


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


def as_json(table: pd.DataFrame) -> str:
    """Rows as a JSON list; what is not a number is null."""
    records = table.astype(object).where(table.notna(), None).to_dict("records")
    return json.dumps(records, indent=2, ensure_ascii=False, allow_nan=False)


def as_text(table: pd.DataFrame) -> str:
    """Rows as tables for a terminal, one a profile, with what each number rests on."""
    out = io.StringIO()
    console = Console(file=out, width=110, highlight=False)
    for (_, name), rows in table.groupby(["kind", "profile"], sort=False):
        console.print(_one(str(name), rows))
        for line in _notes(rows):
            console.print(line, style="dim", markup=False)
    return out.getvalue().rstrip()


def _one(name: str, rows: pd.DataFrame) -> Table:
    given = rows.iloc[0]
    said = ", ".join(
        f"{s} {given[s]}"
        for s in ("shift", "specification", "capability", "diversity", "alignment", "period")
        if pd.notna(given[s]) and given[s] != ""
    )
    title = said if name == ASKED else f"{name}: {said}"
    shown = Table(title=title, title_justify="left")
    for column in ("mode", "what", "of", "value", "from", "to", "rests on", "contraction"):
        shown.add_column(column, justify="right" if column in ("value", "from", "to") else "left")
    for row in rows.to_dict("records"):
        shown.add_row(
            str(row["mode"]), NAMES[str(row["outcome"])],
            ESTIMANDS.get(str(row["estimand"]), "formula"),
            *(_percent(row[part]) for part in ("value", "low", "high")),
            str(row["basis"]),
            "" if pd.isna(row["contraction"]) else f"{row['contraction']:.2f}",
        )  # fmt: skip
    return shown


def _percent(value: Any) -> str:
    number = float(value)
    if math.isnan(number):
        return "none"
    return f"{100 * number:.0f}%" if number >= 0.1 else f"{100 * number:.1f}%"


def _notes(rows: pd.DataFrame) -> list[str]:
    flags = dict.fromkeys(flag for cell in rows["flags"] for flag in str(cell).split())
    lines = [_meaning(flag) for flag in flags]
    evidence = rows[rows["mode"] == EVIDENCE_MODE]
    if len(evidence):
        interval = evidence["interval"].iloc[0]
        lines.append(
            f"evidence: posterior median and {interval} interval, per trial of evaluations."
        )
        lines += [note for note in dict.fromkeys(evidence["note"]) if note]
        lines.append(
            "harm is joined from catalogued cases under priors of notoriety and transport: "
            "a judgement, see the methods page."
        )
    return lines


def _meaning(flag: str) -> str:
    kind, _, setting = flag.partition(":")
    return f"{setting or kind}: {MEANING.get(kind, kind)}"
