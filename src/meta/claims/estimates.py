"""Estimates that claims are held against: rows of the pooled results, on the claim's scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from meta.claims.comparisons import ROW, Comparison, Scale
from meta.claims.rows_behind import EvidenceRows, read_rows
from meta.claims.shared_kinds import read_shared_kinds
from meta.evidence.analysis_set import Tables
from meta.models.moderators import AGAINST

#: Model, outcome, group and estimand.
Key = tuple[str, str, str, str]
#: The prediction for a new study that is shown beside an average over studies.
PREDICTION = {"rate_mean": "rate_new", "odds_ratio": "odds_ratio_new"}
#: An estimand as it is named once it is on another scale.
NAMES: dict[Scale, str] = {
    "same": "{}", "reciprocal": "1 / {}", "reduction": "1 - {}",
}  # fmt: skip
_SCALES: dict[Scale, Callable[[Any], Any]] = {
    "same": lambda values: values,
    "reciprocal": lambda values: 1 / values,
    "reduction": lambda values: 1 - values,
}


@dataclass(frozen=True)
class Estimate:
    """One pooled number, on the scale of the claims that are held against it.

    Attributes
    ----------
    median, low, high, ci_prob
        Posterior median and equal-tailed interval.
    new
        Interval of the prediction for a new study; None where there is none.
    contraction
        Share of the prior's variance that the data took away, NaN where unknown; of a risk ratio,
        of the log odds that it compares.
    k_studies, k_rows, n_trials
        What lies behind it.
    k_direct
        Studies that observe it directly; of a ratio of two settings, at the setting with fewer.
    k_kind
        Of a ratio of two settings, studies at the setting with fewer, within one kind of failure;
        None of anything else, and where it is not known.
    frame
        Sampling frame of the rows.
    passed
        Whether its sampler checks hold.
    draws
        Its posterior draws; None where they are not stored.
    """

    model: str
    outcome: str
    group: str
    estimand: str
    median: float
    low: float
    high: float
    ci_prob: float
    new: tuple[float, float] | None
    contraction: float
    k_studies: int
    k_rows: int
    n_trials: int
    k_direct: int
    k_kind: int | None
    frame: str
    passed: bool
    draws: np.ndarray | None = None

    @property
    def of_settings(self) -> bool:
        """Whether it compares two settings of studies."""
        return AGAINST in self.group

    @property
    def is_ratio(self) -> bool:
        """Whether it is a ratio, not a share."""
        return "ratio" in self.estimand and not self.estimand.startswith("1 -")

    def mass(self, low: float, high: float) -> float:
        """Posterior probability of an interval, its ends included; NaN without draws."""
        if self.draws is None:
            return float("nan")
        return float(np.mean((self.draws >= low) & (self.draws <= high)))


class Estimates:
    """The pooled results of a run, found by what a comparison names.

    Parameters
    ----------
    pooled
        Pooled results of all models, in the columns of `pooled.csv`.
    draws
        Posterior draws by key, of those that are stored.
    kinds
        Studies of two settings within one kind of failure, by model and group.
    rows
        Rows of the models, to name those behind an estimate.
    """

    def __init__(
        self,
        pooled: pd.DataFrame,
        draws: Mapping[Key, np.ndarray] | None = None,
        kinds: Mapping[tuple[str, str], int] | None = None,
        rows: EvidenceRows | None = None,
    ) -> None:
        keys = pooled[list(ROW)].itertuples(index=False, name=None)
        self._rows: dict[Key, dict[Any, Any]] = dict(
            zip(((str(m), str(o), str(g), str(e)) for m, o, g, e in keys),
                pooled.to_dict("records"), strict=True)
        )  # fmt: skip
        self._draws = draws or {}
        self._kinds = kinds or {}
        self._behind = rows or EvidenceRows()

    def find(self, comparison: Comparison) -> Estimate | None:
        """Find the estimate that a comparison names; None where the run has no such number."""
        key = key_of(comparison)
        row = self._rows.get(key)
        if row is None:
            return None
        to = _SCALES[comparison.scale]
        draws = self._draws.get(key)
        low, high = sorted(float(to(row[end])) for end in ("ci_low", "ci_high"))
        return Estimate(
            *key[:3],
            NAMES[comparison.scale].format(key[3]),
            median=float(to(row["median"])),
            low=low,
            high=high,
            ci_prob=float(row["ci_prob"]),
            new=self._prediction(key, to),
            contraction=float(row.get("contraction", float("nan"))),
            k_studies=_count(row.get("k_studies")),
            k_rows=_count(row.get("k_rows")),
            n_trials=_count(row.get("n_trials")),
            k_direct=self._direct(key, row),
            k_kind=self._kinds.get((key[0], key[2])),
            frame=str(row["frame"]),
            passed=str(row["passed"]).lower() == "true",
            draws=None if draws is None else np.asarray(to(draws)),
        )

    def rows_behind(self, comparison: Comparison) -> tuple[str, str]:
        """Names of the arms and of the cases that a comparison rests on."""
        return self._behind.behind(*key_of(comparison)[:3])

    def single_studies(self, comparison: Comparison) -> dict[str, float]:
        """Median odds ratio of an intervention in each study, where too few allow a mean."""
        model, outcome, group, _ = key_of(comparison)
        start = f"{group}|study="
        return {
            g.removeprefix(start): float(row["median"])
            for (m, o, g, e), row in self._rows.items()
            if (m, o, e) == (model, outcome, "study_odds_ratio") and g.startswith(start)
        }

    def _prediction(self, key: Key, to: Callable[[Any], Any]) -> tuple[float, float] | None:
        row = self._rows.get((*key[:3], PREDICTION.get(key[3], "")))
        if row is None:
            return None
        low, high = sorted(float(to(row[end])) for end in ("ci_low", "ci_high"))
        return low, high

    def _direct(self, key: Key, row: Mapping[Any, Any]) -> int:
        """Count the studies that observe a number directly, at each of two settings if it has two.

        The studies of a ratio are pooled as those of either setting; it is seen where both are.
        """
        model, outcome, group, _ = key
        field, _, levels = group.partition("=")
        if AGAINST not in levels:
            return _count(row.get("k_direct"))
        sides = [(model, outcome, f"{field}={side}", "rate_mean") for side in levels.split(AGAINST)]
        return min(_count(self._rows.get(side, {}).get("k_direct")) for side in sides)


def key_of(comparison: Comparison) -> Key:
    """Model, outcome, group and estimand that a comparison names."""
    return comparison.model, comparison.outcome, comparison.group, comparison.estimand


def _count(value: Any) -> int:
    """Read a count; an absent one is none."""
    return 0 if value is None or pd.isna(value) else int(value)


def read_estimates(
    fits: Sequence[Path],
    comparisons: Sequence[Comparison],
    sets: Sequence[Path] = (),
    cases: Tables | None = None,
) -> Estimates:
    """Read the pooled results of stored fits, and the draws of what is compared.

    Parameters
    ----------
    fits
        Folders with `pooled.csv` and `draws.parquet`.
    comparisons
        What is compared, its subjects filled in: draws of anything else are not read.
    sets
        Analysis sets of the models, which say what the settings of ratios were seen in, and name
        the rows behind an estimate.
    cases
        Tables `cases` and `codings`, which name those of a catalogue.
    """
    tables: list[pd.DataFrame] = []
    draws: dict[Key, np.ndarray] = {}
    wanted = {key_of(each) for each in comparisons if each.compares}
    for folder in fits:
        table = pd.read_csv(folder / "pooled.csv")
        tables.append(table)
        file = pq.ParquetFile(folder / "draws.parquet")
        columns = {"/".join(key[1:]): key for key in wanted if key[0] == folder.name}
        stored = [name for name in columns if name in file.schema_arrow.names]
        read = file.read(columns=stored)
        draws |= {columns[name]: read[name].to_numpy() for name in stored}
    empty = pd.DataFrame(columns=list(ROW))
    pooled = pd.concat(tables, ignore_index=True) if tables else empty
    rows = read_rows(fits, sets, cases or {})
    return Estimates(pooled, draws, read_shared_kinds(sets, comparisons), rows)
