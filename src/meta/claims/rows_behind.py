"""Names of the arms and cases behind an estimate, from the analysis set of its model.

Rows are those of the codes that all coders agree on. Where a model reads codes on which coders
differ, they are imputed, and its counts are averages over code sets: more rows may take part than
are named.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from meta.audit.taxonomy import spans
from meta.claims.shared_kinds import STUDY
from meta.config import ModelSpec
from meta.estimands.draws import PRODUCT_NAMES
from meta.evidence.analysis_set import Tables
from meta.evidence.codes import NO_LIST, agreed_codes, case_stages
from meta.evidence.contrast_set import read_edges
from meta.evidence.membership import looked_up
from meta.models.moderators import AGAINST

ARM, CASE = "row_id", "case_id"
CASES, INTERVENTION = "case_series", "intervention"
#: Last stage of each product of stages: rows that observe it observe the product.
LAST = {name: chain[-1] for chain, name in PRODUCT_NAMES.items()}


class EvidenceRows:
    """Rows of the models that claims are held against.

    Parameters
    ----------
    arms
        Analysis sets of models of arms, by model.
    cases
        Coded cases of models of catalogues, by model, as `coded_cases` gives them.
    """

    def __init__(
        self,
        arms: Mapping[str, pd.DataFrame] | None = None,
        cases: Mapping[str, pd.DataFrame] | None = None,
    ) -> None:
        self._arms, self._cases = arms or {}, cases or {}

    def behind(self, model: str, outcome: str, group: str) -> tuple[str, str]:
        """Name the arms and the cases that observe an outcome in a group.

        Parameters
        ----------
        model, outcome, group
            As in `pooled.csv`.

        Returns
        -------
        tuple of str
            Arms and cases, consecutive numbers as ``FIRST..LAST``; empty where none is known.
        """
        stage = LAST.get(outcome, outcome)
        if model in self._cases:
            cases = self._cases[model]
            seen = cases[cases[f"event_{stage}"].notna()]
            return "", spans(sorted(_of_group(seen, group)[CASE]))
        arms = self._arms.get(model)
        if arms is None:
            return "", ""
        if group.startswith(f"{INTERVENTION}="):
            return spans(_of_intervention(arms, group)), ""
        seen = arms[(arms[f"trials_{stage}"] > 0).fillna(False)]
        return spans(sorted(_of_group(seen, group)[ARM])), ""


def _of_group(rows: pd.DataFrame, group: str) -> pd.DataFrame:
    """Rows of ``all``, of ``field=level``, or of either level of ``field=level vs level``."""
    field, _, levels = group.partition("=")
    if not levels:
        return rows
    # The top level of a catalogue, its lists, stands under the name of studies.
    column = field if field in rows else STUDY
    return rows[rows[column].isin(levels.split(AGAINST))]


def _of_intervention(rows: pd.DataFrame, group: str) -> list[str]:
    """Arms with an intervention and their baselines, of one study if the group names one."""
    name, _, study = group.removeprefix(f"{INTERVENTION}=").partition(f"|{STUDY}=")
    studies = rows.set_index(ARM)[STUDY]
    found = {
        row
        for arm, baseline, intervention in read_edges(rows)
        for row in (arm, baseline)
        if intervention == name and study in ("", studies[arm])
    }
    return sorted(found)


def coded_cases(tables: Tables, spec: ModelSpec) -> pd.DataFrame:
    """Cases that a model of a catalogue pools, with the events that all coders agree on.

    Parameters
    ----------
    tables
        `cases` and `codings`.
    spec
        The model.

    Returns
    -------
    pandas.DataFrame
        Columns of the cases, `study` (their list) and ``event_<stage>``, NA where not observed.
    """
    cases, codes = tables["cases"], agreed_codes(tables["codings"])
    for column, values in spec.row_filter.items():
        cases = cases[cases[column].astype("string").isin(values)]
    coded = [name for name in spec.moderators if name not in cases]
    cases = cases.assign(**{name: looked_up(cases[CASE], codes(name)) for name in coded})
    lists = cases.get("list_membership")
    named = NO_LIST if lists is None else lists.astype("string").fillna(NO_LIST)
    return case_stages(cases.assign(**{STUDY: named}), codes)


def read_rows(fits: Iterable[Path], sets: Iterable[Path], tables: Tables) -> EvidenceRows:
    """Read the rows of stored fits.

    Parameters
    ----------
    fits
        Folders of the fits, whose record tells a catalogue from arms.
    sets
        Analysis sets, named after their models.
    tables
        `cases` and `codings`, of a base that has them.
    """
    cases = {}
    for folder in fits:
        if not {"cases", "codings"} <= set(tables) or not (folder / "fit.json").is_file():
            continue
        record = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
        spec = ModelSpec.model_validate(record["spec"])
        if spec.frame == CASES:
            cases[folder.name] = coded_cases(tables, spec)
    arms = {path.stem: pd.read_parquet(path, dtype_backend="numpy_nullable") for path in sets}
    return EvidenceRows({name: rows for name, rows in arms.items() if name not in cases}, cases)
