"""Analysis set of a model: the rows it may use, in the one form that models read.

One row an experiment arm (or, for a composition of cases, a cell of coded cases). For each stage
`events_<stage>` of `trials_<stage>`; NA means not observed. Free text never enters, so an edited
note changes no analysis set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from meta.config import STAGES, ModelSpec
from meta.errors import MissingRowsError, SettingsError
from meta.evidence.codes import NO_LIST, CodeSet, agreed_codes, case_stages, design_cells
from meta.evidence.dictionary import load_dictionary
from meta.evidence.membership import looked_up
from meta.evidence.suggestion import nearest

#: Columns of every analysis set, before moderators.
KEY_COLUMNS = [
    "row_id", "study", "agent_set", "failure_type", "sampling_frame", "grade", "conditioning",
]  # fmt: skip
COUNT_COLUMNS = [f"{kind}_{stage}" for stage in STAGES for kind in ("events", "trials")]

Tables = Mapping[str, pd.DataFrame]


def analysis_set(
    tables: Tables, model: str, spec: ModelSpec, codes: CodeSet | None = None
) -> pd.DataFrame:
    """Select and shape the rows of one model.

    Parameters
    ----------
    tables
        Checked evidence tables by name.
    model
        Name of the model, for messages.
    spec
        Its specification.
    codes
        Codes of the units, for what the model reads from the codebook. By default those on which
        coders agree: an arm whose moderator is not agreed is then left out, as not observed.

    Returns
    -------
    pandas.DataFrame
        Sorted by `row_id`; columns `KEY_COLUMNS`, the moderators, `COUNT_COLUMNS`, and for
        cells of cases also `n_units` and `unresolved_<stage>`.

    Raises
    ------
    SettingsError
        If a filter or moderator names no column, or a value outside its vocabulary.
    MissingRowsError
        If a table that the model needs is absent, or no row is left.
    """
    if spec.frame == "case_series":
        return _case_cells(tables, model, spec, codes)
    if spec.frame == "contrasts":
        from meta.evidence.contrast_set import contrast_set

        return contrast_set(tables, model, spec)
    chosen = _with_codes(_chosen(tables, model, spec), "arm_id", tables, spec, codes)
    counts = arm_counts(chosen)
    table = pd.DataFrame(
        {
            "row_id": chosen["arm_id"],
            "study": chosen["study_id"],
            "agent_set": _text(chosen, "agent_set").fillna(chosen["arm_id"]),
            "failure_type": chosen["failure_type"],
            "sampling_frame": chosen["sampling_frame"],
            "grade": chosen["grade"],
            "conditioning": counts["conditioning"],
        }
    )
    table = _with_moderators(table, chosen, model, spec)
    if "agent_family" in spec.levels:
        _require_columns(chosen, ["agent_family"], f"models.{model}.levels")
        table["agent_family"] = _text(chosen, "agent_family")
    table = table.join(counts.drop(columns="conditioning"))
    return table.sort_values("row_id", ignore_index=True)


def arm_counts(arms: pd.DataFrame) -> pd.DataFrame:
    """Read each arm's counts as events of trials by stage, with its conditioning resolved.

    `n_capable` of an `all_trials` arm counts honest successes, not the chain's capability, and is
    therefore not an observation of capability. A blank `conditioning` is read as
    given_capability where `n_at_risk` <= `n_capable`, else as all_trials.
    """
    n = {c: _count(arms, c) for c in ("n_trials", "n_capable", "n_at_risk", "n_goal_failure")}
    n["n_harm"] = _count(arms, "n_harm")
    inferred = (n["n_at_risk"] <= n["n_capable"]).fillna(False)
    # An arm with a capability count and nothing at risk observes capability alone.
    inferred |= n["n_at_risk"].isna() & n["n_capable"].notna()
    default = inferred.map({True: "given_capability", False: "all_trials"}).astype("string")
    conditioning = _text(arms, "conditioning").fillna(default)
    given = conditioning == "given_capability"
    capable = n["n_capable"].where(given)
    return pd.DataFrame(
        {
            "conditioning": conditioning,
            "events_capability_transfer": capable,
            "trials_capability_transfer": n["n_trials"].where(capable.notna()),
            "events_goal_failure": n["n_goal_failure"],
            "trials_goal_failure": n["n_at_risk"].where(n["n_goal_failure"].notna()),
            "events_harm": n["n_harm"],
            "trials_harm": n["n_goal_failure"].where(n["n_harm"].notna()),
        }
    )


def _case_cells(tables: Tables, model: str, spec: ModelSpec, codes: CodeSet | None) -> pd.DataFrame:
    if any(name not in tables or tables[name].empty for name in ("cases", "codings")):
        raise MissingRowsError("a composition needs the tables cases and codings")
    moderated = _with_codes(_chosen(tables, model, spec), "case_id", tables, spec, codes)
    staged = case_stages(moderated, codes or agreed_codes(tables["codings"]))
    staged["study"] = _text(staged, "list_membership").fillna(NO_LIST)
    # Cases without a stated frame are what cases.csv is for: a series selected on failure.
    staged["sampling_frame"] = _text(staged, "sampling_frame").fillna("case_series")
    _require_columns(staged, list(spec.moderators), f"models.{model}.moderators")
    _require_coded(staged, "case_id", model, spec)
    by = list(dict.fromkeys(["study", "failure_type", "sampling_frame", *spec.moderators]))
    cells = design_cells(staged, by)
    label = [column for column in by if column != "sampling_frame"]
    cells.insert(0, "row_id", cells[label].astype("string").agg("|".join, axis=1))
    cells["agent_set"] = cells["row_id"]
    cells["grade"] = pd.Series(pd.NA, index=cells.index, dtype="string")
    cells["conditioning"] = "given_capability"
    extra = [f"unresolved_{stage}" for stage in STAGES]
    moderators = [m for m in spec.moderators if m not in KEY_COLUMNS]
    columns = [*KEY_COLUMNS, *moderators, *COUNT_COLUMNS, "n_units", *extra]
    cells = cells[columns].astype(dict.fromkeys([*COUNT_COLUMNS, "n_units", *extra], "Int64"))
    return cells.sort_values("row_id", ignore_index=True)


def _chosen(tables: Tables, model: str, spec: ModelSpec) -> pd.DataFrame:
    """Arms (with what is said of their studies) or cases that the filter keeps."""
    if spec.frame == "case_series":
        return _apply_filter(tables["cases"], model, spec)
    return filtered_arms(tables, model, spec)


def filtered_arms(tables: Tables, model: str, spec: ModelSpec) -> pd.DataFrame:
    """Arms that the filter keeps, with what is said of their studies."""
    studies = tables["studies"].drop(columns=["_line"], errors="ignore")
    arms = tables["arms"].merge(studies, on="study_id", how="left", suffixes=("", "_study"))
    return _apply_filter(arms, model, spec)


def _apply_filter(table: pd.DataFrame, model: str, spec: ModelSpec) -> pd.DataFrame:
    _require_columns(table, list(spec.row_filter), f"models.{model}.filter")
    require_known_values(model, spec)
    keep = pd.Series(True, index=table.index)
    for column, values in spec.row_filter.items():
        keep &= table[column].astype("string").isin(values)
    chosen = table[keep]
    if chosen.empty:
        shown = "; ".join(f"{c} in {v}" for c, v in spec.row_filter.items())
        raise MissingRowsError(f"no row of the evidence has {shown} (models.{model}.filter)")
    return chosen.reset_index(drop=True)


def require_known_values(model: str, spec: ModelSpec) -> None:
    """Refuse filter values that the column's closed vocabulary does not have."""
    names = {
        "case_series": ("cases", "codings"),
        "contrasts": ("arms", "studies", "contrasts"),
    }.get(spec.frame, ("arms", "studies"))
    known = load_dictionary().tables
    problems = []
    for column, values in spec.filter.items():
        field = next((known[t].fields[column] for t in names if column in known[t].fields), None)
        if field is None or not field.values:
            continue
        for value in set(values) - set(field.values):
            near = nearest(value, list(field.values), cutoff=0.5)
            hint = f"; did you mean {near}?" if near else f"; known: {', '.join(field.values)}"
            problems.append(f"models.{model}.filter.{column}: {value!r} is no such value{hint}")
    if problems:
        raise SettingsError("\n".join(sorted(problems)))


def _with_codes(
    rows: pd.DataFrame, key: str, tables: Tables, spec: ModelSpec, codes: CodeSet | None
) -> pd.DataFrame:
    """Add the coded moderators; rows without a code are left out.

    Without a code set these are the rows on which coders differ, with one those that nobody coded:
    a new row is pooled by every other model while its coding is still to come.
    """
    names = [m for m in spec.moderators if m in spec.coded_fields and m not in rows]
    if not names:
        return rows
    codings = tables.get("codings")
    if codings is None or codings.empty:
        raise MissingRowsError(f"the moderator {names[0]} needs the table codings")
    lookup = codes or agreed_codes(codings)
    coded = rows.assign(
        **{name: looked_up(rows[key], lookup(name)).astype("string") for name in names}
    )
    return coded.dropna(subset=names).reset_index(drop=True)


def uncoded_rows(tables: Tables, model: str, spec: ModelSpec) -> list[str]:
    """Name the rows that a model pools but for the want of any coding of a moderator.

    Parameters
    ----------
    tables
        Checked evidence tables by name.
    model, spec
        The model.

    Returns
    -------
    list of str
        Arms (or cases) that its filter keeps and that no coder has coded for it.
    """
    key, table = ("case_id", "cases") if spec.frame == "case_series" else ("arm_id", "arms")
    codings = tables.get("codings")
    if table not in tables or codings is None:
        return []
    chosen = _chosen(tables, model, spec)
    missing = pd.Series(False, index=chosen.index)
    for name in [m for m in spec.moderators if m in spec.coded_fields and m not in chosen]:
        missing |= ~chosen[key].isin(codings.loc[codings[name].notna(), "unit_id"])
    return sorted(chosen.loc[missing, key])


def _require_columns(table: pd.DataFrame, names: list[str], where: str) -> None:
    known = [c for c in table.columns if not c.startswith(("_", "event_", "eligible_"))]
    problems = []
    for name in names:
        if name not in known:
            near = nearest(name, known, cutoff=0.5)
            hint = f"; did you mean {near}?" if near else f"; known: {', '.join(known)}"
            problems.append(f"{where}: no column is named {name!r}{hint}")
    if problems:
        raise SettingsError("\n".join(problems))


def _with_moderators(
    table: pd.DataFrame, chosen: pd.DataFrame, model: str, spec: ModelSpec
) -> pd.DataFrame:
    _require_columns(chosen, list(spec.moderators), f"models.{model}.moderators")
    _require_coded(chosen, "arm_id", model, spec)
    for name in spec.moderators:
        table[name] = chosen[name]
    return table


def _require_coded(table: pd.DataFrame, key: str, model: str, spec: ModelSpec) -> None:
    """Refuse moderators that are blank in rows of the model."""
    for name in spec.moderators:
        blank = table[name].isna()
        if blank.any():
            rows = ", ".join(table.loc[blank, key].head(5))
            raise SettingsError(
                f"models.{model}.moderators: {name} is blank in some rows ({rows}); code them or "
                "leave them out with a filter"
            )


def _text(table: pd.DataFrame, column: str) -> pd.Series:
    if column in table:
        return table[column].astype("string")
    return pd.Series(pd.NA, index=table.index, dtype="string")


def _count(table: pd.DataFrame, column: str) -> pd.Series:
    if column in table:
        return table[column].astype("Int64")
    return pd.Series(pd.NA, index=table.index, dtype="Int64")


def read_analysis_set(path: Path) -> pd.DataFrame:
    """Read a stored analysis set; counts keep their nullable integers."""
    return pd.read_parquet(path, dtype_backend="numpy_nullable")


def data_hash(table: pd.DataFrame) -> str:
    """SHA-256 of the content of an analysis set, independent of file format and library."""
    return hashlib.sha256(table.to_csv(index=False, lineterminator="\n").encode()).hexdigest()
