"""Agreement of coders: raw, Krippendorff's alpha, Gwet's AC1 and AC2, with bootstrap intervals.

Agreement is between coders who worked on their own; a settled code is not counted. It is no
measure of truth: coders that share a source of error agree on errors too.

`unclear` has no place on a scale. Each field is therefore measured twice: with `unclear` as a
category like any other (nominal), and with `unclear` as no answer (ordinal where the field is).

Categories of AC, and the steps between them, are those of the field's vocabulary, used or not;
`unclear` is one only where it is measured as one. All three coefficients are of the units compared:
those that two coders answered. (Gwet's estimator, as in R's irrCAC, takes the categories from the
answers, and counts units with one answer among the shares of codes; `coefficients` does so where
it is given such units.) Codes of units that nobody compared therefore change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import krippendorff
import numpy as np
import pandas as pd
from scipy import sparse

from meta.evidence.codes import ADJUDICATOR
from meta.evidence.responses import Responses, Tables, every_field
from meta.inference.seeds import child_seed

RESAMPLES = 2000
CI_PROB = 0.95
#: Counts of a bootstrap that are in memory at the same time.
DRAWN_AT_ONCE = 4_000_000
#: Clusters drawn one by one, and units given to the library one by one; beyond, by kind.
MOST_APART = 10_000
MEASURES = ("raw", "alpha", "ac")


def quadratic_weights(categories: int) -> np.ndarray:
    """Agreement weights 1 - (k - l)^2 / (q - 1)^2 of ordered categories, shape (q, q)."""
    k = np.arange(categories)
    return np.asarray(1 - (k[:, None] - k[None, :]) ** 2 / max(categories - 1, 1) ** 2)


def unit_sums(counts: np.ndarray) -> np.ndarray:
    """What every coefficient is a function of, one row a unit, so that units can be resampled.

    Parameters
    ----------
    counts
        How many coders gave each code, shape (U, q).

    Returns
    -------
    numpy.ndarray
        Shape (U, 2 q^2 + q + 2): pairs of codes as shares of the unit's pairs, the same times its
        number of answers (Krippendorff's coincidences), shares of codes, whether the unit has two
        answers, whether it has one.
    """
    answers = counts.sum(axis=1)
    pairable = answers >= 2
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(counts.shape[1])
    share = pairs / np.where(pairable, answers * (answers - 1), 1)[:, None, None]
    share = np.where(pairable[:, None, None], share, 0).reshape(len(counts), -1)
    codes = counts / np.maximum(answers, 1)[:, None]
    return np.column_stack([share, share * answers[:, None], codes, pairable, answers >= 1])


def coefficients(sums: np.ndarray, weights: np.ndarray, ordinal: bool) -> np.ndarray:
    """Raw agreement, alpha and AC from sums over units.

    Parameters
    ----------
    sums
        Sums of `unit_sums`, shape (..., 2 q^2 + q + 2).
    weights
        Agreement weights of AC: the identity gives AC1 (Gwet 2008,
        doi:10.1348/000711006X126600), others AC2 (Gwet 2014, Handbook of Inter-Rater
        Reliability, 4th edition).
    ordinal
        Whether alpha uses the ordinal difference (Krippendorff 2011, Computing Krippendorff's
        alpha-reliability).

    Returns
    -------
    numpy.ndarray
        Shape (..., 3). NaN where it is not defined: no unit with two answers, or no variation.
    """
    q = len(weights)
    share, coincidence, codes, pairable, answered = np.split(
        sums, [q * q, 2 * q * q, 2 * q * q + q, 2 * q * q + q + 1], axis=-1
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        share = share / pairable
        raw = share @ np.eye(q).ravel()
        observed = share @ weights.ravel()
        mean = codes / answered
        chance = weights.sum() / (q * (q - 1)) * (mean * (1 - mean)).sum(axis=-1)
        ac = (observed - chance) / (1 - chance)
        alpha = _alpha(coincidence.reshape(*coincidence.shape[:-1], q, q), ordinal)
    return np.stack([raw, alpha, ac], axis=-1)


def _alpha(coincidence: np.ndarray, ordinal: bool) -> np.ndarray:
    """Krippendorff's alpha of coincidence matrices, shape (..., q, q)."""
    n = coincidence.sum(axis=-1)
    q = n.shape[-1]
    if ordinal:
        # Codes passed on the way from one to the other, half of each end.
        middle = n.cumsum(axis=-1) - n / 2
        distance = (middle[..., :, None] - middle[..., None, :]) ** 2
    else:
        distance = np.broadcast_to(1 - np.eye(q), coincidence.shape)
    total = n.sum(axis=-1)
    observed = (coincidence * distance).sum(axis=(-2, -1))
    expected = (n[..., :, None] * n[..., None, :] * distance).sum(axis=(-2, -1)) / (total - 1)
    return np.asarray(1 - observed / expected)


def answer_counts(answers: np.ndarray, categories: int) -> np.ndarray:
    """Count the coders who gave each code; answers outside 0 .. q - 1 are none. Shape (U, q)."""
    return (answers[:, :, None] == np.arange(categories)).sum(axis=1)


def vocabulary_counts(responses: Responses, answers: np.ndarray, with_unclear: bool) -> np.ndarray:
    """Count the coders who gave each code of the vocabulary; last, `unclear` if it is a category.

    Parameters
    ----------
    responses
        The field.
    answers
        Index of the class, shape (U, J); see `Responses.answers`.
    with_unclear
        Whether `unclear` is a category; otherwise it is no answer.

    Returns
    -------
    numpy.ndarray
        Shape (U, q).
    """
    used = len(responses.classes)
    given = answer_counts(answers, used + 1)
    counts = np.zeros((len(answers), len(responses.vocabulary) + with_unclear), int)
    counts[:, responses.places] = given[:, :used]
    if with_unclear:
        counts[:, -1] = given[:, used]
    return counts


def point_alpha(counts: np.ndarray, ordinal: bool) -> float:
    """Krippendorff's alpha by the package `krippendorff`; NaN where it is not defined."""
    kept = counts[counts.sum(axis=1) >= 2]
    if np.count_nonzero(kept.sum(axis=0)) < 2:
        return float("nan")
    level: Literal["ordinal", "nominal"] = "ordinal" if ordinal else "nominal"
    return float(krippendorff.alpha(value_counts=kept, level_of_measurement=level))


def cluster_patterns(cluster: np.ndarray, counts: np.ndarray) -> tuple[sparse.csr_array, Any]:
    """Units of each cluster by their pattern of answers: units answered alike are summed once.

    Parameters
    ----------
    cluster
        Index of each unit's cluster, length U.
    counts
        How many coders gave each code, shape (U, q).

    Returns
    -------
    held : scipy.sparse.csr_array
        Units of each pattern in each cluster, shape (C, P).
    sums : numpy.ndarray
        `unit_sums` of one unit of each pattern, shape (P, 2 q^2 + q + 2).
    """
    patterns, which = np.unique(counts, axis=0, return_inverse=True)
    each = np.ones(len(cluster), np.int64)
    shape = (int(cluster.max()) + 1, len(patterns))
    return sparse.csr_array((each, (cluster, which.ravel())), shape=shape), unit_sums(patterns)


def resampled(held: sparse.csr_array, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Draw clusters with replacement, some resamples at a time.

    Very many clusters are drawn by kind: those that hold the same patterns are one category of the
    multinomial, which is the same distribution at the cost of the kinds.

    Parameters
    ----------
    held
        Units of each pattern in each cluster, shape (C, P).
    rng
        Random numbers.

    Yields
    ------
    numpy.ndarray
        Units of each pattern in the resamples, shape (some, P); `RESAMPLES` in all.
    """
    clusters = held.shape[0]
    each = np.ones(clusters, np.int64)
    if clusters > MOST_APART:
        # The sum of one random number a unit tells kinds apart (64 bits, modulo 2^64).
        number = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, held.shape[1])
        _, first, each = np.unique(held @ number, return_index=True, return_counts=True)
        held = held[first]
    step = max(1, DRAWN_AT_ONCE // len(each))
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        yield rng.multinomial(clusters, each / clusters, size) @ held


def agreement_table(tables: Tables, seed: int) -> pd.DataFrame:
    """Measure agreement on every field, for cases, arms and both.

    Parameters
    ----------
    tables
        Evidence tables by name.
    seed
        Root seed of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        One row a field, kind of unit and treatment of `unclear`: `units` (with two answers),
        `categories` (of AC, from the vocabulary), `clusters`, `coders`, `scale`, raw agreement,
        alpha and AC with intervals. Studies are resampled, since arms of one study are coded side
        by side; a case without a study is a cluster of its own.
    """
    rows = []
    for responses in every_field(tables):
        for kind in ("case", "arm", "all"):
            for unclear in ("category", "missing"):
                row = _one_row(responses, kind, unclear, seed)
                if row["units"]:
                    rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


COLUMNS = [
    "field", "kind", "unclear", "scale", "categories", "coders", "units", "clusters",
    *(f"{m}{part}" for m in MEASURES for part in ("", "_low", "_high")),
    "adjudicated", "adjudicated_with",
]  # fmt: skip


def _one_row(responses: Responses, kind: str, unclear: str, seed: int) -> dict[str, object]:
    chosen = (responses.units["kind"] == kind).to_numpy() | (kind == "all")
    ordinal = responses.ordinal and unclear == "missing"
    answers = responses.answers[chosen][:, responses.independent]
    counts = vocabulary_counts(responses, answers, unclear == "category")
    q = counts.shape[1]
    paired = counts.sum(axis=1) >= 2
    counts, answers = counts[paired], answers[paired]
    row: dict[str, object] = {
        "field": responses.field, "kind": kind, "unclear": unclear,
        "scale": "ordinal" if ordinal else "nominal", "categories": q,
        "coders": int((answers >= 0).any(axis=0).sum()),
        "units": int(paired.sum()),
    }  # fmt: skip
    if not paired.any():
        return row
    weights = quadratic_weights(q) if ordinal else np.eye(q)
    cluster, names = pd.factorize(responses.units.loc[chosen, "study"][paired])
    held, sums = cluster_patterns(cluster, counts)
    point = np.array([1.0, np.nan, np.nan])
    draws = np.tile(point, (RESAMPLES, 1))
    if q > 1:
        point = coefficients(held.sum(axis=0) @ sums, weights, ordinal)
        if len(counts) <= MOST_APART:
            point[1] = point_alpha(counts, ordinal)
        rng = np.random.default_rng(child_seed(seed, "agreement", responses.field, kind, unclear))
        draws = np.concatenate(
            [coefficients(times @ sums, weights, ordinal) for times in resampled(held, rng)]
        )
    row["clusters"] = len(names)
    tail = (1 - CI_PROB) / 2
    for m, name in enumerate(MEASURES):
        good = draws[np.isfinite(draws[:, m]), m]
        low, high = np.quantile(good, [tail, 1 - tail]) if good.size else (np.nan, np.nan)
        row |= {name: point[m], f"{name}_low": low, f"{name}_high": high}
    return row | _adjudication(responses, chosen)


def _adjudication(responses: Responses, chosen: np.ndarray) -> dict[str, object]:
    """Count the settled units, and with whom each settled code sided."""
    if ADJUDICATOR not in responses.coders:
        return {"adjudicated": 0, "adjudicated_with": ""}
    answers = responses.answers[chosen]
    settled = answers[:, responses.coders.index(ADJUDICATOR)]
    known = settled >= 0
    same = {c: int((answers[known, j] == settled[known]).sum())
            for j, c in enumerate(responses.coders) if c != ADJUDICATOR}  # fmt: skip
    others = answers[known][:, responses.independent]
    nobody = int((others != settled[known][:, None]).all(axis=1).sum())
    text = "; ".join(f"{coder} {count}" for coder, count in [*same.items(), ("nobody", nobody)])
    return {"adjudicated": int(known.sum()), "adjudicated_with": text}
