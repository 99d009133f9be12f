r"""Expected value of information: how much of a risk's variance goes if something is measured.

The value is :math:`\mathrm{Var}(E[R \mid \phi]) / \mathrm{Var}(R)`, of a parameter that becomes
known exactly (perfect information, EVPPI) or of data that have yet to be collected (sample
information, EVSI): see `meta.risk.conditional_expectation` and `meta.risk.new_studies`. The risk is
`rate_mean`, the average over studies; what varies between studies stays whatever is measured.

What is left of the variance is also said as an interval (`narrowed`): as if the log odds were
normal and their median stayed where it is. Of the average over profiles it is the interval of the
average risk, and the share is the average of the profiles' shares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from meta.inference.seeds import child_seed
from meta.risk.basis import Basis
from meta.risk.conditional_expectation import Regression, Share
from meta.risk.input_sensitivity import ProfileSensitivity
from meta.risk.named_profiles import DOMAIN
from meta.risk.new_studies import (
    ALL_TRIALS,
    BY_STAGE,
    CASES,
    NOTORIETY,
    Measurement,
    measurements,
)
from meta.risk.profile_risk import SHIFT
from meta.risk.risk_inputs import ANALYSED
from meta.risk.sensitivity_indices import SCALES, half_width, on_scale
from meta.risk_settings import RiskSettings

PERFECT, SAMPLE = "perfect", "sample"
#: Kind and name under which the average over profiles stands, and the kinds that are averaged:
#: the others are these again with a period or a remedy.
ALL, AVERAGED = "all", (SHIFT, DOMAIN)
INFORMATION_COLUMNS = [
    "kind", "profile", "outcome", "information", "rank", "candidate", "field", "level", "studies",
    "arms", "trials", "k_now",
    *(f"{measure}_{scale}{end}" for scale in SCALES for measure in ("share", "limit")
      for end in ("", "_margin")),
    "sentence", "basis", "now_low", "now_high", "after_low", "after_high",
]  # fmt: skip

#: Risks are kept this far from 0 and 1, where log odds have no end.
EDGE = 1e-12

Key = tuple[str, str, str]
Keys = list[Key]


def information_table(
    found: Mapping[tuple[str, str], ProfileSensitivity],
    basis: Basis,
    settings: RiskSettings,
    seed: int,
    ci_prob: float,
) -> pd.DataFrame:
    """What knowing each input, and each new measurement, would tell of each profile's risk.

    Parameters
    ----------
    found
        Sensitivity of profiles, by kind and name.
    basis
        Draws that it is of.
    settings
        Sizes of what may be measured, and bootstrap samples.
    seed, ci_prob
        Of the simulated data, and mass of the intervals whose half-widths are given as margins.

    Returns
    -------
    pandas.DataFrame
        `INFORMATION_COLUMNS`. Within each profile, outcome and sort of information the rank is by
        the share on the logit scale. Of sample information, `limit` is the share that no number of
        such studies can exceed. Profile `ALL` averages the shares over those of
        the kinds `AVERAGED`, and has each measurement's `sentence`. `now_*` are the ends of the
        risk's interval, `after_*` those that it would have about then.
    """
    rows = [
        row
        for (kind, name), each in found.items()
        for row in _perfect_rows(kind, name, each, ci_prob)
    ]
    keys, responses = _responses(found)
    for measurement in measurements(basis, settings):
        shares = sample_shares(measurement, responses, seed, settings.resamples)
        rows += _sample_rows(measurement, *shares, keys, settings, ci_prob)
    intervals = _intervals(found, ci_prob)
    rows = [_with_interval(row, intervals, ci_prob) for row in rows]
    table = pd.DataFrame(rows, columns=INFORMATION_COLUMNS)
    groups = ["kind", "profile", "outcome", "information"]
    shares_at = table.groupby(groups)[f"share_{SCALES[0]}"]
    table["rank"] = shares_at.rank(method="first", ascending=False).astype("Int64")
    places = {key: i for i, key in enumerate([(ALL, ALL), *found])}
    table["place"] = [places[key] for key in zip(table["kind"], table["profile"], strict=True)]
    table["sort"] = table["information"].eq(PERFECT)
    order = ["place", "outcome", "sort", "rank"]
    table = table.sort_values(order, ascending=[True, False, True, True], ignore_index=True)
    return table[INFORMATION_COLUMNS]


def sample_shares(
    measurement: Measurement, responses: np.ndarray, seed: int, resamples: int
) -> tuple[Share, Share]:
    """Share of the variance of each response that a measurement is expected to take away.

    Parameters
    ----------
    measurement
        What is measured.
    responses
        Draws, shape (D, R), of the same posterior.
    seed, resamples
        Of its data and of the bootstrap. Equal seeds give measurements of one kind equal random
        numbers, so that they are compared on the same luck.

    Returns
    -------
    tuple
        The share, and the share were all that it can tell of known exactly.
    """
    data = measurement.simulate(child_seed(seed, "new data", measurement.kind))
    stream = child_seed(seed, "value of information")
    groups = {SAMPLE: data, PERFECT: measurement.known}
    regression = Regression(groups, responses, stream, resamples)
    return regression.share(SAMPLE), regression.share(PERFECT)


def _responses(
    found: Mapping[tuple[str, str], ProfileSensitivity],
) -> tuple[Keys, np.ndarray]:
    """Average risks of all profiles on both scales, shape (D, R), and what each pair of them is."""
    keys = [(kind, name, outcome) for kind, name in found for outcome in ANALYSED]
    columns = [
        on_scale(found[kind, name].draws.risks[outcome, "rate_mean"], scale)
        for kind, name, outcome in keys
        for scale in SCALES
    ]
    return keys, np.stack(columns, axis=1)


def _intervals(
    found: Mapping[tuple[str, str], ProfileSensitivity], ci_prob: float
) -> dict[Key, np.ndarray]:
    """Ends and median of every average risk, and of their average over profiles."""
    tail = (1 - ci_prob) / 2
    draws: dict[Key, np.ndarray] = {
        (kind, name, outcome): each.draws.risks[outcome, "rate_mean"]
        for (kind, name), each in found.items()
        for outcome in ANALYSED
    }
    for outcome in ANALYSED:
        own = [risks for (kind, _, o), risks in draws.items() if o == outcome and kind in AVERAGED]
        if own:
            draws[ALL, ALL, outcome] = np.mean(own, axis=0)
    return {key: np.quantile(risks, [tail, 0.5, 1 - tail]) for key, risks in draws.items()}


def narrowed(ends: np.ndarray, share: float) -> tuple[float, float]:
    """Interval of a risk after a share of the variance of its log odds is gone, about.

    Parameters
    ----------
    ends
        Lower end, median and upper end now.
    share
        Taken as none where it is below 0.

    Returns
    -------
    tuple of float
        The ends, drawn in about the median on the log odds by the square root of what is left: so
        a normal distribution narrows whose mean stays.
    """
    low, median, high = logit(np.clip(ends, EDGE, 1 - EDGE))
    left = np.sqrt(1 - np.clip(share, 0, 1))
    after = expit(median + left * (np.array([low, high]) - median))
    return float(after[0]), float(after[1])


def _with_interval(
    row: dict[str, object], intervals: Mapping[Key, np.ndarray], ci_prob: float
) -> dict[str, object]:
    """Add the interval now and then to a row, and to the sentence of one about the average."""
    now = intervals[str(row["kind"]), str(row["profile"]), str(row["outcome"])]
    low, high = narrowed(now, float(str(row[f"share_{SCALES[0]}"])))
    row = {**row, "now_low": now[0], "now_high": now[2], "after_low": low, "after_high": high}
    if row.get("sentence"):
        start, stop, then, end = (_decimals(x) for x in (now[0], now[2], low, high))
        row["sentence"] = (
            f"{row['sentence']} The {ci_prob:.0%} interval of the average risk, from {start} to "
            f"{stop} now, would go to about {then} to {end}."
        )
    return row


def _decimals(risk: float) -> str:
    """Write a risk as a percentage, small ones with a decimal."""
    return f"{100 * risk:.1f}%" if risk < 0.1 else f"{risk:.0%}"


def _perfect_rows(
    kind: str, name: str, found: ProfileSensitivity, ci_prob: float
) -> list[dict[str, object]]:
    rows = []
    for each in found.inputs:
        if each.estimand != "rate_mean":
            continue
        rows.append(
            {"kind": kind, "profile": name, "outcome": each.outcome, "information": PERFECT,
             "candidate": each.source.name, **_share_columns("share", each.known, ci_prob),
             "basis": each.source.basis(each.outcome)}
        )  # fmt: skip
    return rows


def _sample_rows(
    measurement: Measurement,
    share: Share,
    limit: Share,
    keys: Keys,
    settings: RiskSettings,
    ci_prob: float,
) -> list[dict[str, object]]:
    """Rows of one measurement: each profile's, and the average over all."""
    head = {
        "information": SAMPLE, "candidate": measurement.name, "field": measurement.field,
        "level": measurement.level, "k_now": measurement.k_now,
        "basis": measurement.basis, **_size(measurement, settings),
    }  # fmt: skip
    width = len(SCALES)
    parts: list[tuple[tuple[str, str, str], Share, Share]] = []
    for i, key in enumerate(keys):
        where = range(i * width, (i + 1) * width)
        parts.append((key, share.of(where), limit.of(where)))
    for outcome in ANALYSED:
        of = [i for i, (kind, _, o) in enumerate(keys) if o == outcome and kind in AVERAGED]
        if not of:
            continue
        one, other = (_averaged(each, of, width) for each in (share, limit))
        parts.append(((ALL, ALL, outcome), one, other))
    rows = []
    for (kind, name, outcome), own, most in parts:
        row = {
            "kind": kind, "profile": name, "outcome": outcome, **head,
            **_share_columns("share", own, ci_prob), **_share_columns("limit", most, ci_prob),
        }  # fmt: skip
        if kind == ALL:
            # Of single profiles the numbers say as much, thousands of times.
            row["sentence"] = _sentence(
                measurement, settings, float(own.value[0]), float(most.value[0])
            )
        rows.append(row)
    return rows


def _averaged(share: Share, of: Sequence[int], width: int) -> Share:
    """Average over profiles on each scale."""
    scales = [share.of([i * width + k for i in of]).mean() for k in range(width)]
    return Share(
        np.concatenate([s.value for s in scales]),
        np.concatenate([s.resampled for s in scales], axis=1),
    )


def _share_columns(measure: str, share: Share, ci_prob: float) -> dict[str, object]:
    found: dict[str, object] = {}
    for k, scale in enumerate(SCALES):
        found[f"{measure}_{scale}"] = float(share.value[k])
        found[f"{measure}_{scale}_margin"] = half_width(float(share.error[k]), ci_prob)
    return found


def _size(measurement: Measurement, settings: RiskSettings) -> dict[str, object]:
    if measurement.kind == NOTORIETY:
        return {"studies": 1, "trials": settings.notoriety_study.failures}
    if measurement.kind == CASES:
        return {"studies": settings.new_cases.lists, "trials": settings.new_cases.cases}
    new = settings.new_studies
    return {"studies": new.studies, "arms": new.arms, "trials": new.trials}


def _sentence(measurement: Measurement, settings: RiskSettings, share: float, limit: float) -> str:
    goes, most = percent(share), percent(max(share, limit))
    return (
        f"{_described(measurement, settings)} would take away {goes} of the variance of the log "
        f"odds; no number of them more than {most}."
    )


def _described(measurement: Measurement, settings: RiskSettings) -> str:
    where = f"{measurement.field.replace('_', ' ')} {measurement.level.replace('_', ' ')}"
    if measurement.kind == NOTORIETY:
        count = settings.notoriety_study.failures
        return f"A study of which of {count} failures get written up, half of them harmful,"
    if measurement.kind == CASES:
        new = settings.new_cases
        return f"{new.cases} more cases of {new.lists} lists, their harm coded, at {where}"
    counted = {
        BY_STAGE: "capability, and goal failures given it",
        ALL_TRIALS: "goal failures among all trials",
    }[measurement.kind]
    size = settings.new_studies
    return (
        f"{size.studies} more studies ({size.arms} arms of {size.trials} trials each) that count "
        f"{counted}, at {where},"
    )


def percent(share: float) -> str:
    """Share of variance in words: no less than nothing, and small ones as such."""
    return "less than 1%" if share < 0.01 else f"{share:.0%}"
