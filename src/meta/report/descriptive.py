"""Raw counts beside the model: arms, sums of a study, and a descriptive interval."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from meta.evidence.links import links as links_in
from meta.report.estimates import Estimate
from meta.report.inputs import Fit, ReportInputs
from meta.report.wording import study_label

Z95 = 1.959963984540054
PRODUCT = "capable_goal_failure"


@dataclass(frozen=True)
class Arm:
    """Counts of one arm at one stage."""

    events: int
    trials: int


@dataclass(frozen=True)
class StudySum:
    """Arms of one study that count the same thing.

    Attributes
    ----------
    arms : tuple of Arm
        The arms.
    indirect : bool
        Whether the counts stand for something else than the outcome itself: for goal failure,
        trials that include incapable ones, so that the ratio is the product of two stages; for
        the product, two counts of an arm put together.
    """

    arms: tuple[Arm, ...]
    indirect: bool

    @property
    def events(self) -> int:
        """Events over all arms."""
        return sum(arm.events for arm in self.arms)

    @property
    def trials(self) -> int:
        """Trials over all arms."""
        return sum(arm.trials for arm in self.arms)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson interval of the sum: descriptive, blind to the clustering of trials."""
        return wilson(self.events, self.trials)


@dataclass(frozen=True)
class ForestRow:
    """One study of a forest plot; ``n_arms`` includes arms that no mark can be drawn for.

    ``links`` are labels and web addresses of its source, the main one first.
    """

    study: str
    label: str
    title: str
    links: tuple[tuple[str, str], ...]
    failure_type: str
    sums: tuple[StudySum, ...]
    n_arms: int
    shrunken: Estimate | None

    @property
    def url(self) -> str:
        """Main address of the source; empty where it has none."""
        return self.links[0][1] if self.links else ""


def wilson(events: int, trials: int) -> tuple[float, float]:
    """Wilson's 95% interval of a proportion.

    Parameters
    ----------
    events, trials : int
        Counts, trials above zero.

    Returns
    -------
    tuple of float
        Lower and upper end, within 0 and 1.
    """
    rate, square = events / trials, Z95**2 / trials
    centre = (rate + square / 2) / (1 + square)
    half = Z95 * math.sqrt(rate * (1 - rate) / trials + square / (4 * trials)) / (1 + square)
    return max(0.0, centre - half), min(1.0, centre + half)


def observed(rows: pd.DataFrame, stage: str) -> pd.DataFrame:
    """Rows that observe a stage: events and trials known, trials above zero.

    Parameters
    ----------
    rows : pandas.DataFrame
        Analysis rows.
    stage : str
        Name of the stage.

    Returns
    -------
    pandas.DataFrame
        The rows, with the columns ``events``, ``trials`` and ``indirect`` added.
    """
    if not {f"events_{stage}", f"trials_{stage}"} <= set(rows.columns):
        return rows.iloc[:0].assign(events=0, trials=0, indirect=False)
    counts = rows.assign(events=rows[f"events_{stage}"], trials=rows[f"trials_{stage}"])
    seen = counts[counts["events"].notna() & counts["trials"].notna()]
    seen = seen[seen["trials"] > 0]
    return seen.assign(indirect=product_rows(seen) & (stage == "goal_failure"))


def product_counts(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose counts give the product: goal failures of capable trials among all trials.

    Parameters
    ----------
    rows : pandas.DataFrame
        Analysis rows.

    Returns
    -------
    pandas.DataFrame
        Rows counted among all trials, as they stand. Rows counted given capability, marked
        ``indirect``, only where the trials at risk are exactly the capable ones: their failures
        among the trials that capability was looked for in. Other rows are left out.
    """
    seen = observed(rows, "goal_failure")
    whole = product_rows(seen)
    needed = {"conditioning", "events_capability_transfer", "trials_capability_transfer"}
    if not needed <= set(seen.columns):
        return seen[whole].assign(indirect=False)
    asked = pd.to_numeric(seen["trials_capability_transfer"])
    capable = pd.to_numeric(seen["events_capability_transfer"])
    same = seen["trials"].eq(capable).fillna(False).astype(bool)
    joined = ~whole & seen["conditioning"].eq("given_capability").fillna(False) & same
    joined &= asked.notna()
    trials = seen["trials"].where(whole, asked)
    return seen.assign(trials=trials, indirect=~whole)[whole | joined]


def product_rows(rows: pd.DataFrame) -> pd.Series:
    """Mark rows whose goal failures are counted among capable and incapable trials alike."""
    if "conditioning" not in rows:
        return pd.Series(False, index=rows.index)
    return rows["conditioning"].fillna("").eq("all_trials")


def forest_rows(inputs: ReportInputs, fit: Fit, outcome: str) -> list[ForestRow]:
    """Collect the studies of a forest plot.

    Parameters
    ----------
    inputs : ReportInputs
        The stored results.
    fit : Fit
        The model whose study rates are shown.
    outcome : str
        Name of a stage, or of the product of capability and goal failure.

    Returns
    -------
    list of ForestRow
        By failure type, then by rate, highest first.
    """
    if fit.rows is None:
        return []
    known = inputs.studies.drop_duplicates("study_id").set_index("study_id").to_dict("index")
    product = outcome == PRODUCT
    arms = observed(fit.rows, "goal_failure" if product else outcome)
    drawn = product_counts(fit.rows) if product else arms
    rows = []
    for study, part in arms.groupby("study", sort=True):
        name = str(study)
        shrunken = inputs.estimate(fit.name, outcome, f"{fit.top_level}={name}", "study_rate")
        counts = _sums(drawn[drawn["study"] == study])
        if counts or shrunken is not None:
            rows.append(_forest_row(name, part, known.get(name, {}), counts, shrunken))
    return sorted(rows, key=lambda row: (row.failure_type, -_height(row)))


def _forest_row(
    study: str,
    part: pd.DataFrame,
    about: dict[Any, Any],
    sums: tuple[StudySum, ...],
    shrunken: Estimate | None,
) -> ForestRow:
    types = part["failure_type"].dropna().mode() if "failure_type" in part else pd.Series()
    return ForestRow(
        study=study,
        label=study_label(study, about.get("year")),
        title=str(about.get("title") or study),
        links=links_of(about),
        failure_type=str(types.iloc[0]) if len(types) else "",
        sums=sums,
        n_arms=len(part),
        shrunken=shrunken,
    )


def links_of(about: dict[Any, Any]) -> tuple[tuple[str, str], ...]:
    """Links to the source of a study, from its row of the bibliography."""
    cell = about.get("url_or_id")
    return () if pd.isna(cell) else tuple(links_in(str(cell)))


def _sums(arms: pd.DataFrame) -> tuple[StudySum, ...]:
    return tuple(
        StudySum(
            tuple(
                Arm(int(events), int(trials))
                for events, trials in zip(block["events"], block["trials"], strict=True)
            ),
            bool(indirect),
        )
        for indirect, block in arms.groupby("indirect", sort=True)
    )


def _height(row: ForestRow) -> float:
    if row.shrunken is not None:
        return row.shrunken.median
    return sum(part.events for part in row.sums) / sum(part.trials for part in row.sums)
