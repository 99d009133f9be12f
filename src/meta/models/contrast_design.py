"""Design of a model of contrasts: arms that the contrasts pair, each once, and what they have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from meta.config import ModelSpec
from meta.errors import DesignError, FrameError
from meta.evidence.contrast_graph import ContrastGraph, contrast_graph
from meta.evidence.contrast_set import read_edges
from meta.models.design import FEWEST_STUDIES, Design
from meta.models.levels import Level


@dataclass(frozen=True)
class ContrastDesign(Design):
    """Arrays of a model of contrasts; those of moderators are empty.

    Attributes
    ----------
    interventions
        Names, length K.
    exposure
        Interventions of each row over the baseline of its group, shape (R, K).
    cell_intervention, cell_study
        Intervention and study of each effect, length C: those that a study has an arm of.
    row_cells
        Effects that each row has, shape (R, C).
    edges
        Row of the arm, row of its baseline and intervention of each contrast.
    """

    interventions: list[str] = field(default_factory=list)
    exposure: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    cell_intervention: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    cell_study: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    row_cells: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    edges: list[tuple[int, int, str]] = field(default_factory=list)

    def studies_of(self, intervention: str) -> list[str]:
        """Studies that have a contrast of an intervention."""
        k = self.interventions.index(intervention)
        return [self.levels[0].units[s] for s in self.cell_study[self.cell_intervention == k]]

    def rows_of(self, intervention: str, study: str | None = None) -> np.ndarray:
        """Arms and baselines of the contrasts of an intervention, of one study if one is named."""
        found = {
            row
            for arm, baseline, name in self.edges
            for row in (arm, baseline)
            if name == intervention and study in (None, self.rows["study"].iloc[arm])
        }
        return np.array(sorted(found), np.int64)

    @property
    def pooled(self) -> list[str]:
        """Interventions that enough studies have for a mean over studies.

        With fewer, the mean would be that of the prior and of one or two settings.
        """
        return [k for k in self.interventions if len(self.studies_of(k)) >= FEWEST_STUDIES]


def build_contrast_design(table: pd.DataFrame, spec: ModelSpec) -> ContrastDesign:
    """Turn an analysis set of contrasts into the arrays of a model.

    Parameters
    ----------
    table
        See `meta.evidence.contrast_set`.
    spec
        Model specification.

    Raises
    ------
    FrameError
        If any row's `sampling_frame` is not denominator.
    DesignError
        If contrasts contradict each other, or fewer than three studies are left.
    """
    rows = table.reset_index(drop=True)
    _require(rows)
    edges = read_edges(rows)
    graph = _sound_graph(edges)
    where = {str(arm): r for r, arm in enumerate(rows["row_id"])}
    study, studies = pd.factorize(rows["study"], sort=True)
    levels, row_unit = _levels(rows, study, list(studies), graph, spec)
    design = ContrastDesign(
        spec=spec,
        rows=rows,
        stages=spec.stages,
        levels=levels,
        row_unit=row_unit,
        x=np.zeros((len(rows), 0)),
        terms=[],
        groups=[],
        stage=np.zeros(len(rows), np.int64),
        row=np.arange(len(rows)),
        events=rows["events_goal_failure"].to_numpy(np.int64),
        trials=rows["trials_goal_failure"].to_numpy(np.int64),
        through_capability=np.zeros(len(rows), bool),
        edges=[(where[arm], where[baseline], k) for arm, baseline, k in edges],
        **_effects(edges, graph, where, study),
    )
    design.notes.extend(_notes(design))
    return design


def _sound_graph(edges: list[tuple[str, str, str]]) -> ContrastGraph:
    """Graph of the contrasts, which must not contradict each other."""
    graph = contrast_graph(edges)
    if graph.contradictory:
        arm, baseline, intervention = edges[graph.contradictory[0]]
        raise DesignError(
            f"the contrast of {arm} with {baseline} ({intervention}) contradicts the others: run "
            "meta check"
        )
    return graph


def _effects(
    edges: list[tuple[str, str, str]],
    graph: ContrastGraph,
    where: dict[str, int],
    study: np.ndarray,
) -> dict[str, Any]:
    """Interventions, what each row has of them, and their effects in each study."""
    interventions = sorted({intervention for _, _, intervention in edges})
    exposure = np.array(
        [[graph.exposure[arm].get(k, 0) for k in interventions] for arm in where], dtype=float
    )
    contrasted = sorted({(interventions.index(k), int(study[where[arm]])) for arm, _, k in edges})
    cells = np.array(contrasted, dtype=np.int64)
    return {
        "interventions": interventions,
        "exposure": exposure,
        "cell_intervention": cells[:, 0],
        "cell_study": cells[:, 1],
        # An effect counts for an arm of its own study; a chain may pass through several effects.
        "row_cells": exposure[:, cells[:, 0]] * (study[:, None] == cells[:, 1]),
    }


def _require(rows: pd.DataFrame) -> None:
    wrong = rows[rows["sampling_frame"] != "denominator"]
    if len(wrong):
        shown = "; ".join(f"{r.row_id} ({r.sampling_frame})" for r in wrong.head(5).itertuples())
        raise FrameError(
            f"contrasts take rows with sampling_frame=denominator, found {shown}: trials selected "
            "on the outcome have no denominator"
        )
    if (count := rows["study"].nunique()) < FEWEST_STUDIES:
        raise DesignError(
            f"{count} study(s) with contrasts left: fewer than {FEWEST_STUDIES} cannot tell how "
            "effects vary between them, so nothing is pooled"
        )


def _notes(design: ContrastDesign) -> list[str]:
    few = [k for k in design.interventions if k not in design.pooled]
    if not few:
        return []
    named = ", ".join(f"{k} ({len(design.studies_of(k))})" for k in few)
    return [f"shown by study, not pooled, for want of {FEWEST_STUDIES} studies: {named}"]


def _levels(
    rows: pd.DataFrame,
    study: np.ndarray,
    studies: list[str],
    graph: ContrastGraph,
    spec: ModelSpec,
) -> tuple[list[Level], np.ndarray]:
    """Studies, baseline groups, and arms where the specification has them."""
    group, roots = pd.factorize(rows["row_id"].map(graph.root), sort=True)
    parent = np.zeros(len(roots), np.int64)
    parent[group] = study
    none = np.zeros(len(studies), np.int64)
    levels = [
        Level("study", [str(s) for s in studies], none),
        Level("baseline", [str(r) for r in roots], parent),
    ]
    units = [study, group]
    if "arm" in spec.levels:
        names = rows["row_id"].astype(str).tolist()
        levels.append(Level("arm", names, group.astype(np.int64)))
        units.append(np.arange(len(rows)))
    return levels, np.stack(units)
