"""What changed since the latest release: rows, pooled numbers, and which rows moved them.

`reports/changes.json`, schema 2:

release
    manifest of the release, or null; then everything below is empty and `message` says why
message
    one sentence: what changed
rows
    by table: `added` and `removed` keys; `changed`: key -> column -> [before, after], in the
    columns that an analysis may read; `other`: number of rows that differ in other columns only
models
    `added`, `removed`, and `changed` (other specification or priors)
pooled
    a table (`columns`, `data`) of one line a pooled number of both: `mean`, `median`, `ci_low` and
    `ci_high`, each `_before` and `_after`, `difference` of the means, `in_sd` (of the posterior
    before), `mcse` of the difference, `moved` (difference beyond twice that error)
pooled_added, pooled_removed
    pooled numbers that only the present results or only the release has: model, outcome, group,
    estimand, and `after` or `before`
attribution
    for the primary model, one entry a study with changed rows and, where a study has several, one
    a row: `unit` (study or row), `id`, `rows`, `pareto_k`, `reliable`, `reason`, and `moves`: how
    far the mean lies from where it would be had these rows stayed as they were (`difference`,
    `in_sd`, `mcse`). `moves` is empty where the weights do not carry it.
attribution_reason
    why `attribution` is empty; null where it is not
passed
    whether every check of the present fits holds
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from meta.checks.importance import shift, smoothed_weights
from meta.checks.reweighting import NotReweightableError, compare
from meta.config import Settings
from meta.errors import StoredFitError, UserError
from meta.evidence.analysis_set import analysis_set
from meta.evidence.changes import TableChanges, compare_evidence, typed_rows
from meta.inference.draws import read_draws
from meta.models.specification import design_of
from meta.plural import counted
from meta.pooled_changes import SUMMARIES, packed
from meta.release import KEY, Release, latest_release, run_rows
from meta.stored import LEFT_OUT, StoredModel, read_model

CHANGES_SCHEMA = 2
ATTRIBUTED = ("rate_typical", "rate_mean", "rate_new")
#: Studies and rows that are weighed one by one; beyond these a release has simply been replaced.
MOST_UNITS = 40
#: Likelihood evaluations for each: a run has more time than a preview.
BUDGET = 40_000_000
SIDES = ("_before", "_after")


@dataclass(frozen=True)
class PooledChanges:
    """Pooled numbers of the release and of the present results, and those of one side alone."""

    both: list[dict[str, Any]] = field(default_factory=list)
    added: list[dict[str, Any]] = field(default_factory=list)
    removed: list[dict[str, Any]] = field(default_factory=list)


def changes_since_release(
    directory: Path, settings: Settings, models: Iterable[str]
) -> dict[str, Any]:
    """Compare the present results with the latest release.

    Parameters
    ----------
    directory
        Evidence base with diagnosed fits.
    settings
        Settings in force.
    models
        Models that were fitted.

    Returns
    -------
    dict
        The document that this module's docstring describes.
    """
    stored = [read_model(directory, settings, name) for name in models]
    passed = all(m.record.get("passed") is True for m in stored)
    release = latest_release(directory)
    if release is None:
        message = (
            "There is no release to compare with. `meta release` makes one from a run that passed "
            "its gate; put its folder under version control."
        )
        reason = "there is no release to compare with"
        return _document(None, message, {}, {}, PooledChanges(), ([], reason), passed)
    now = run_rows(directory)
    rows = compare_evidence(release.rows, now)
    changed_models = _compare_models(release, stored)
    pooled = _compare_pooled(release.pooled, stored)
    attribution = _attribution(release, settings, stored, rows)
    message = _message(release, rows, changed_models, pooled)
    if (moved := _moved_models(pooled)) and not rows and not any(changed_models.values()):
        message = f"{message} {_why_moved(release, [m for m in stored if m.name in moved])}"
    shown = {name: _table_as_json(table) for name, table in rows.items()}
    return _document(release.manifest, message, shown, changed_models, pooled, attribution, passed)


def _document(
    release: dict[str, Any] | None,
    message: str,
    rows: dict[str, Any],
    models: dict[str, list[str]],
    pooled: PooledChanges,
    attribution: tuple[list[dict[str, Any]], str | None],
    passed: bool,
) -> dict[str, Any]:
    return {
        "schema": CHANGES_SCHEMA,
        "release": release,
        "message": message,
        "rows": rows,
        "models": models or {"added": [], "removed": [], "changed": []},
        "pooled": packed(pooled.both),
        "pooled_added": pooled.added,
        "pooled_removed": pooled.removed,
        "attribution": attribution[0],
        "attribution_reason": attribution[1],
        "passed": passed,
    }


def _table_as_json(table: TableChanges) -> dict[str, Any]:
    return {
        "added": table.added,
        "removed": table.removed,
        "changed": {
            k: {c: list(v) for c, v in cells.items()} for k, cells in table.changed.items()
        },
        "other": table.other,
    }


def _compare_models(release: Release, stored: list[StoredModel]) -> dict[str, list[str]]:
    before = {name: m["spec_hash"] for name, m in release.manifest["models"].items()}
    after = {m.name: m.record["spec_hash"] for m in stored}
    return {
        "added": sorted(set(after) - set(before)),
        "removed": sorted(set(before) - set(after)),
        "changed": sorted(n for n in after if n in before and before[n] != after[n]),
    }


def _compare_pooled(before: pd.DataFrame, stored: list[StoredModel]) -> PooledChanges:
    """Pair the pooled numbers by name; those of one side alone are named, not dropped."""
    columns = [*KEY, *SUMMARIES, "sd", "mcse_mean"]
    present = [m.pooled for m in stored]
    after = pd.concat(present, ignore_index=True) if present else before.iloc[:0]
    old, new = (side.loc[side["estimand"] != LEFT_OUT, columns] for side in (before, after))
    paired = old.merge(new, on=KEY, how="left", suffixes=SIDES, indicator="side")
    fresh = new.add_suffix(SIDES[1]).rename(columns={f"{k}{SIDES[1]}": k for k in KEY})
    fresh = fresh.merge(old[KEY], on=KEY, how="left", indicator="side")
    both, gone = paired["side"] == "both", paired["side"] == "left_only"
    added = fresh["side"] == "left_only"
    return PooledChanges(
        both=[_pooled_entry(row) for row in paired[both].to_dict("records")],
        added=[_one_sided(row, "after") for row in fresh[added].to_dict("records")],
        removed=[_one_sided(row, "before") for row in paired[gone].to_dict("records")],
    )


def _one_sided(row: dict[Any, Any], side: str) -> dict[str, Any]:
    return {**_key_of(row), side: _summaries(row, f"_{side}")}


def _key_of(row: dict[Any, Any]) -> dict[str, str]:
    return {k: str(row[k]) for k in KEY}


def _summaries(row: dict[Any, Any], side: str) -> dict[str, float | None]:
    return {s: _number(row[f"{s}{side}"]) for s in SUMMARIES}


def _pooled_entry(row: dict[Any, Any]) -> dict[str, Any]:
    difference = row["mean_after"] - row["mean_before"]
    mcse = math.hypot(row["mcse_mean_before"], row["mcse_mean_after"])
    sd = row["sd_before"]
    # Released numbers are rounded to ten digits.
    moved = abs(difference) > max(2 * mcse, 1e-8)
    return {
        **_key_of(row),
        "before": _summaries(row, "_before"),
        "after": _summaries(row, "_after"),
        "difference": _number(difference),
        "in_sd": _number(difference / sd) if sd else None,
        "mcse": _number(mcse),
        "moved": bool(moved),
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _attribution(
    release: Release,
    settings: Settings,
    stored: list[StoredModel],
    rows: dict[str, TableChanges],
) -> tuple[list[dict[str, Any]], str | None]:
    """Weigh what each study with changed rows did; why not, where no study is weighed."""
    primary = next((m for m in stored if m.task.spec.primary), None)
    if primary is None:
        return [], "the primary model was not fitted"
    if not set(rows) & {"arms", "studies"}:
        return [], "no row of the studies or the arms has changed"
    if primary.task.spec.imputes:
        return [], "the primary model reads imputed codes, which weights cannot change"
    try:
        old = analysis_set(typed_rows(release.rows), primary.name, primary.task.spec)
    except (UserError, KeyError) as error:
        return [], f"the released rows do not make an analysis set of the primary model: {error}"
    units = _units(old, primary.rows)
    if not units:
        return [], "no changed row is one that the primary model reads"
    entries = [_attribute(primary, old, *unit, settings.ci_prob) for unit in units[:MOST_UNITS]]
    if len(units) > MOST_UNITS:
        left = [name for _, name, _ in units[MOST_UNITS:]]
        reason = f"more than {MOST_UNITS} studies and rows changed"
        entries += [_entry("study", "others", left, None, reason)]
    return sorted(entries, key=_largest_move, reverse=True), None


def _largest_move(entry: dict[str, Any]) -> float:
    return max((abs(m["in_sd"]) for m in entry["moves"]), default=0.0)


def _units(old: pd.DataFrame, new: pd.DataFrame) -> list[tuple[str, str, list[str]]]:
    """Studies with changed rows, and the rows of those that have several."""
    before, after = _texts(old), _texts(new)
    changed = {row for row in before.keys() | after.keys() if before.get(row) != after.get(row)}
    study = dict(zip(old["row_id"], old["study"], strict=True))
    study |= dict(zip(new["row_id"], new["study"], strict=True))
    by_study: dict[str, list[str]] = {}
    for row in sorted(changed):
        by_study.setdefault(str(study[row]), []).append(row)
    units = [("study", name, members) for name, members in by_study.items()]
    for members in by_study.values():
        if len(members) > 1:
            units += [("row", row, [row]) for row in members]
    return units


def _texts(table: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    cells = table.astype("string").fillna("")
    named = zip(table["row_id"], cells.itertuples(index=False, name=None), strict=True)
    return {str(row): tuple(values) for row, values in named}


def _attribute(
    primary: StoredModel, old: pd.DataFrame, unit: str, name: str, rows: list[str], ci_prob: float
) -> dict[str, Any]:
    """Weigh the present posterior to what it would be had some rows stayed as they were."""
    new = primary.rows
    kept = new[~new["row_id"].isin(rows)]
    undone = pd.concat([kept, old[old["row_id"].isin(rows)]], ignore_index=True)
    undone = undone[new.columns].sort_values("row_id", ignore_index=True)
    try:
        change = compare(primary.design, design_of(undone, primary.task.spec))
        if change.empty:
            return _entry(unit, name, rows, None, "nothing that the model reads differs")
        draws = read_draws(primary.posterior, primary.design, change.draws(BUDGET))
    except StoredFitError:
        raise
    except (NotReweightableError, UserError, KeyError) as error:
        return _entry(unit, name, rows, None, f"not attributable by weights: {error}")
    weights = smoothed_weights(change.log_ratio(draws.parameters).reshape(draws.shape))
    if not weights.reliable:
        reason = f"not attributable by weights: {weights.reason}"
        return _entry(unit, name, rows, weights.pareto_k, reason)
    moves = []
    for key, values in primary.population_draws(draws.step).items():
        if key[2] not in ATTRIBUTED:
            continue
        away = shift(values, weights, ci_prob)
        sd = primary.numbers[key]["sd"]
        moves.append(
            {
                **dict(zip(KEY[1:], key, strict=True)),
                "difference": -away.mean,
                "in_sd": -away.mean / sd if sd else 0.0,
                "mcse": away.mcse,
            }
        )
    return _entry(unit, name, rows, weights.pareto_k, weights.reason, moves)


def _entry(
    unit: str,
    name: str,
    rows: list[str],
    pareto_k: float | None,
    reason: str,
    moves: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    return {
        "unit": unit,
        "id": name,
        "rows": rows,
        "pareto_k": None if pareto_k is None else _number(pareto_k),
        "reliable": bool(moves),
        "reason": reason,
        "moves": moves or [],
    }


def _moved_models(pooled: PooledChanges) -> set[str]:
    return {entry["model"] for entry in pooled.both if entry["moved"]}


def _why_moved(release: Release, moved: list[StoredModel]) -> str:
    """Say what is left to have moved numbers of the same rows and specifications.

    The fingerprint is of the code that a fit runs and of its libraries; what reads rows or pools
    draws is not in it, so that the sameness of fingerprints rules out little.
    """
    released = [release.manifest["models"][m.name] for m in moved]
    pairs = list(zip(released, (m.record for m in moved), strict=True))
    if any(old["data_hash"] != new["data_hash"] for old, new in pairs):
        return "Specifications are the same, but not the rows as the models that moved read them."
    same = "Specifications and rows are the same"
    codes = [
        (old.get("fitted", {}).get("code"), new.get("provenance", {}).get("code"))
        for old, new in pairs
    ]
    if all(then and now and then != now for then, now in codes):
        return f"{same}; the code that fits the models that moved, or a library of it, changed."
    return f"{same}, so the code or the draws differ."


def _message(
    release: Release,
    rows: dict[str, TableChanges],
    models: dict[str, list[str]],
    pooled: PooledChanges,
) -> str:
    since = f"since the release {release.name} of {release.manifest.get('date', 'unknown date')}"
    moved = sum(entry["moved"] for entry in pooled.both)
    counts = {
        "added": sum(len(t.added) for t in rows.values()),
        "removed": sum(len(t.removed) for t in rows.values()),
        "changed": sum(len(t.changed) for t in rows.values()),
        "edited where no analysis reads": sum(t.other for t in rows.values()),
    }
    parts = [f"{counted(n, 'row')} {word}" for word, n in counts.items() if n]
    parts += [f"{counted(len(names), 'model')} {word}" for word, names in models.items() if names]
    one_sided = {"added": pooled.added, "gone": pooled.removed}
    parts += [f"{counted(len(n), 'pooled number')} {word}" for word, n in one_sided.items() if n]
    if not parts and not moved:
        return f"Nothing has changed {since}."
    numbers = (
        f"{moved:,} of {counted(len(pooled.both), 'pooled number')} moved beyond Monte Carlo error"
        if moved
        else "no pooled number moved beyond Monte Carlo error"
    )
    return f"{'; '.join(parts) or 'No row, specification or prior changed'} {since}; {numbers}."
