"""Design of a model: the analysis set as the arrays that a likelihood reads.

Every stage's counts are stacked into one vector of observations, so that a model has a single
likelihood call whatever its stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from meta.config import ModelSpec
from meta.errors import DesignError, FrameError

#: Levels below the top one, in nesting order.
INNER_LEVELS = ("agent_set", "arm")
#: Intra-class correlation assumed when the information of a beta-binomial row is judged.
TYPICAL_ICC = 0.25


@dataclass(frozen=True)
class Level:
    """Units of one level of the hierarchy.

    Attributes
    ----------
    name
        `study`, `agent_set`, `arm` or `source_list`.
    units
        Labels, length U.
    parent
        Index of each unit's parent in the level above, length U (zeros for the top level).
    information
        Approximate Fisher information on each unit's logit rate, shape (U, stages).
    """

    name: str
    units: list[str]
    parent: np.ndarray
    information: np.ndarray


@dataclass(frozen=True)
class Group:
    """A population for which estimands are reported: a label and its row of the design matrix."""

    label: str
    x: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Design:
    """Arrays of one model.

    Attributes
    ----------
    spec
        The specification it was made from.
    rows
        The analysis set, R rows.
    stages
        Names of the stages, length O.
    levels
        Top level first.
    row_unit
        For each level, the unit of each row, shape (levels, R).
    x, terms
        Design matrix of the moderators, shape (R, P), and the names of its columns.
    groups
        Populations to report.
    stage, row, events, trials
        One entry an observation, length N: stage index, row index and counts.
    through_capability
        Whether the observation's rate is the product with the row's capability, length N.
    notes
        What a reader of the fit must be told about the rows.
    """

    spec: ModelSpec
    rows: pd.DataFrame
    stages: tuple[str, ...]
    levels: list[Level]
    row_unit: np.ndarray
    x: np.ndarray
    terms: list[str]
    groups: list[Group]
    stage: np.ndarray
    row: np.ndarray
    events: np.ndarray
    trials: np.ndarray
    through_capability: np.ndarray
    notes: list[str] = field(default_factory=list)

    def level(self, name: str) -> Level | None:
        """Return a level by name, or None if the model does not have it."""
        return next((lv for lv in self.levels if lv.name == name), None)

    def rows_of_stage(self, stage: int) -> np.ndarray:
        """Indices of the rows that observe a stage (goal failures through capability included)."""
        return self.row[self.stage == stage]


def build_design(
    table: pd.DataFrame, spec: ModelSpec, categories: Mapping[str, list[str]] | None = None
) -> Design:
    """Turn an analysis set into the arrays of a model.

    Parameters
    ----------
    table
        Analysis set (see `meta.evidence.analysis_set`).
    spec
        Model specification.
    categories
        Categories of moderators, where not those of the rows (imputed codes: those of any set).

    Raises
    ------
    FrameError
        If any row's `sampling_frame` is not the model's: a rate must never come from rows
        selected on failure.
    DesignError
        If a stage other than capability is observed nowhere, or fewer than two top-level units
        are left.
    """
    if spec.frame == "contrasts":
        from meta.models.contrasts import build_contrast_design

        return build_contrast_design(table, spec)
    require_frame(table, spec)
    notes: list[str] = []
    observed = _observations(table, spec, notes)
    used = np.unique(observed["row"])
    rows = table.iloc[used].reset_index(drop=True)
    observed["row"] = np.searchsorted(used, observed["row"])
    _require_identified(rows, observed, spec, notes)
    levels, row_unit = _levels(rows, observed, spec, notes)
    x, terms, groups = moderator_columns(rows, spec, categories)
    return Design(
        spec=spec,
        rows=rows,
        stages=spec.stages,
        levels=levels,
        row_unit=row_unit,
        x=x,
        terms=terms,
        groups=groups,
        stage=observed["stage"],
        row=observed["row"],
        events=observed["events"],
        trials=observed["trials"],
        through_capability=observed["through"],
        notes=notes,
    )


def require_frame(table: pd.DataFrame, spec: ModelSpec) -> None:
    """Refuse rows whose sampling frame is not the model's.

    Raises
    ------
    FrameError
        Naming the rows.
    """
    wrong = table[table["sampling_frame"] != spec.frame]
    if wrong.empty:
        return
    shown = "; ".join(f"{r.row_id} ({r.sampling_frame})" for r in wrong.head(5).itertuples())
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    why = (
        "rows selected on the outcome have no denominator, so no rate can be estimated from them"
        if spec.frame == "denominator"
        else "a composition describes catalogued failures only"
    )
    raise FrameError(
        f"this model takes rows with sampling_frame={spec.frame}, found {shown}{more}: {why}"
    )


def _observations(table: pd.DataFrame, spec: ModelSpec, notes: list[str]) -> dict[str, np.ndarray]:
    chain = "capability_transfer" in spec.stages
    parts: dict[str, list[np.ndarray]] = {k: [] for k in ("stage", "row", "events", "trials")}
    through: list[np.ndarray] = []
    for index, stage in enumerate(spec.stages):
        events, trials = table[f"events_{stage}"], table[f"trials_{stage}"]
        empty = (trials == 0).fillna(False)
        if empty.any():
            notes.append(f"{int(empty.sum())} rows have no trial that reached {stage}")
        keep = np.flatnonzero((events.notna() & ~empty).to_numpy(bool))
        parts["row"].append(keep)
        parts["stage"].append(np.full(keep.size, index))
        parts["events"].append(events.iloc[keep].to_numpy(np.int64))
        parts["trials"].append(trials.iloc[keep].to_numpy(np.int64))
        all_trials = (table["conditioning"] == "all_trials").to_numpy(bool)[keep]
        through.append(all_trials & (chain and stage == "goal_failure"))
    stacked = {name: np.concatenate(pieces) for name, pieces in parts.items()}
    stacked["through"] = np.concatenate(through)
    return stacked


def _require_identified(
    rows: pd.DataFrame, observed: dict[str, np.ndarray], spec: ModelSpec, notes: list[str]
) -> None:
    for index, stage in enumerate(spec.stages):
        if np.any(observed["stage"] == index):
            continue
        if stage != "capability_transfer":
            raise DesignError(
                f"no row of the analysis set observes {stage}; drop the stage from the spec or add "
                "rows that count it"
            )
        notes.append(
            "no row observes capability: its posterior is the prior, seen through the product with "
            "goal failure"
        )
    studies = rows["study"].nunique()
    if studies < 3:
        raise DesignError(
            f"{studies} {spec.top_level.replace('_', ' ')}(s) left: fewer than 3 cannot tell how "
            "rates vary between them, so nothing is pooled"
        )


def _levels(
    rows: pd.DataFrame, observed: dict[str, np.ndarray], spec: ModelSpec, notes: list[str]
) -> tuple[list[Level], np.ndarray]:
    top_codes, top_units = pd.factorize(rows["study"], sort=True)
    named: list[tuple[str, np.ndarray, list[str]]] = [(spec.top_level, top_codes, list(top_units))]
    if "agent_set" in spec.levels:
        # An agent set is nested: the same name in two studies is two sets of trained agents.
        labels = rows["study"].astype(str) + " / " + rows["agent_set"].astype(str)
        set_codes, sets = pd.factorize(labels, sort=True)
        if len(sets) < len(rows):
            named.append(("agent_set", set_codes, list(sets)))
        else:
            notes.append("no agent set has several rows: the agent-set level is left out")
    if "arm" in spec.levels:
        named.append(("arm", np.arange(len(rows)), rows["row_id"].astype(str).tolist()))
    levels: list[Level] = []
    information = _row_information(len(rows), observed, spec)
    below: np.ndarray | None = None
    for depth in reversed(range(len(named))):
        name, codes, units = named[depth]
        unit_information = np.zeros((len(units), len(spec.stages)))
        if below is None:
            np.add.at(unit_information, codes, information)
        else:
            child_parent, child_information = levels[0].parent, levels[0].information
            # A child that varies about its parent with unit scale passes on at most one unit.
            np.add.at(unit_information, child_parent, child_information / (1 + child_information))
        parent = np.zeros(len(units), dtype=np.int64)
        if depth:
            parent[codes] = named[depth - 1][1]
        levels.insert(0, Level(name, [str(u) for u in units], parent, unit_information))
        below = unit_information
    return levels, np.stack([codes for _, codes, _ in named])


def _row_information(n_rows: int, observed: dict[str, np.ndarray], spec: ModelSpec) -> np.ndarray:
    """Approximate Fisher information of each row on its logit rate, shape (R, O)."""
    rate = (observed["events"] + 0.5) / (observed["trials"] + 1)
    size = observed["trials"].astype(float)
    if spec.likelihood == "beta_binomial":
        size = size / (1 + (size - 1) * TYPICAL_ICC)
    information = np.zeros((n_rows, len(spec.stages)))
    np.add.at(information, (observed["row"], observed["stage"]), size * rate * (1 - rate))
    return information


def sum_to_zero_basis(size: int) -> np.ndarray:
    """Orthonormal basis of the contrasts of `size` levels, shape (size, size - 1).

    With coefficients iid Normal(0, s) every level's deviation has the same prior and the
    deviations sum to zero: no level is a reference, and a difference of two has sd s * sqrt(2).
    """
    q, _ = np.linalg.qr(np.column_stack([np.ones(size), np.eye(size)[:, : size - 1]]))
    return np.asarray(q[:, 1:])


def moderator_columns(
    rows: pd.DataFrame, spec: ModelSpec, categories: Mapping[str, list[str]] | None = None
) -> tuple[np.ndarray, list[str], list[Group]]:
    """Columns of the design matrix, their names, and the groups to report.

    A category that no row has keeps its contrast, which the prior then speaks for.
    """
    blocks: list[np.ndarray] = []
    terms: list[str] = []
    labelled: list[tuple[str, slice, np.ndarray, np.ndarray]] = []
    for name in spec.moderators:
        start = sum(b.shape[1] for b in blocks)
        values = rows[name]
        if pd.api.types.is_numeric_dtype(values):
            numbers = values.to_numpy(float)
            spread = numbers.std()
            if spread == 0:
                raise DesignError(f"the moderator {name} is constant: nothing to estimate")
            blocks.append(((numbers - numbers.mean()) / spread)[:, None])
            terms.append(f"{name} (per sd)")
            continue
        found = (categories or {}).get(name) or sorted(values.astype(str).unique())
        codes = np.asarray(pd.Categorical(values.astype(str), categories=found).codes)
        if len(found) < 2:
            raise DesignError(f"the moderator {name} is constant: nothing to estimate")
        basis = sum_to_zero_basis(len(found))
        blocks.append(basis[codes])
        terms += [f"{name}[{i}]" for i in range(basis.shape[1])]
        where = slice(start, start + basis.shape[1])
        for code, value in enumerate(found):
            labelled.append((f"{name}={value}", where, basis[code], codes == code))
    x = np.concatenate(blocks, axis=1) if blocks else np.zeros((len(rows), 0))
    if not labelled:
        return x, terms, [Group("all", x.mean(axis=0), np.ones(len(rows), bool))]
    groups = []
    for label, where, contrast, members in labelled:
        mean = x.mean(axis=0).copy()
        mean[where] = contrast
        groups.append(Group(label, mean, members))
    return x, terms, groups
