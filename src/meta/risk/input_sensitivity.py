"""Sensitivity of a profile's risk to each input: indices, tornado, what knowing it would tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from meta.inference.seeds import child_seed
from meta.risk.basis import Basis
from meta.risk.conditional_expectation import Regression, Share
from meta.risk.documents import Documents
from meta.risk.evidence import OUTCOMES
from meta.risk.risk_inputs import (
    ANALYSED,
    LEVELS,
    MODERATORS,
    NEW_STUDY,
    SHARED,
    ProfileDraws,
    RiskInput,
    profile_draws,
)
from meta.risk.sensitivity_indices import (
    SCALES,
    first_order_indices,
    half_width,
    on_scale,
    uncertainty_shares,
)
from meta.risk.settings import Profile
from meta.risk.tornado import Bar, tornado_bar
from meta.risk_settings import RiskSettings

ESTIMANDS = ("rate_mean", "rate_new")
PREDICTIVE = "predictive"
UNCERTAINTY, BETWEEN = "uncertainty_of_the_mean", "variation_between_studies"
SENSITIVITY_COLUMNS = [
    "kind", "profile", "outcome", "estimand", "view", "input", "said", "unit", "input_low",
    "input_high", "risk", "risk_low", "risk_high",
    *(f"{measure}_{scale}{end}" for scale in SCALES for measure in ("first_order", "added")
      for end in ("", "_margin")),
    "basis",
]  # fmt: skip


@dataclass(frozen=True)
class InputSensitivity:
    """What one input does to one risk of a profile.

    Attributes
    ----------
    outcome, estimand
        The risk.
    source
        The input.
    first_order
        SALib's first-order index on the logit scale, and the half-width of its interval.
    added
        What it adds to all others, of `SCALES`.
    known
        Share of the variance that goes if it becomes known, of `SCALES`: by regression what
        `first_order` is by harmonics.
    bar
        Its bar in the tornado; the ends of the input are those of its one column, and not a number
        where it has several.
    """

    outcome: str
    estimand: str
    source: RiskInput
    first_order: tuple[float, float]
    added: Share
    known: Share
    bar: Bar


@dataclass(frozen=True)
class ProfileSensitivity:
    """Draws of a profile's risks, what each input does to them, and how new studies vary.

    Attributes
    ----------
    draws
        Risks and inputs.
    inputs
        Every input of both readings.
    uncertainty
        By outcome: share of the variance of `rate_new` that is uncertainty of the mean, of
        `SCALES`.
    """

    draws: ProfileDraws
    inputs: tuple[InputSensitivity, ...]
    uncertainty: Mapping[str, Share]


def profile_sensitivity(
    profile: Profile,
    basis: Basis,
    documents: Documents,
    settings: RiskSettings,
    seed: int,
    ci_prob: float,
) -> ProfileSensitivity:
    """Analyse the sensitivity of a profile's risks.

    Parameters
    ----------
    profile, basis, documents
        What the risk is of (see `meta.risk.evidence.evidence_risk`).
    settings
        Percentiles and bootstrap samples.
    seed
        That of the evidence mode, whose risks these are; the bootstrap has streams of its own.
    ci_prob
        Mass of the intervals of SALib's indices.
    """
    draws = profile_draws(profile, basis, documents, seed)
    found = [
        each
        for outcome in ANALYSED
        for view in (LEVELS, MODERATORS)
        for each in _of_view(draws, outcome, view, settings, seed, ci_prob)
    ]
    stream = child_seed(seed, "risk sensitivity", "new studies")
    stages = {outcome: OUTCOMES[outcome] for outcome in ANALYSED}
    uncertainty = uncertainty_shares(draws.mixes, stages, stream, settings.resamples)
    return ProfileSensitivity(draws, tuple(found), uncertainty)


def _of_view(
    draws: ProfileDraws, outcome: str, view: str, settings: RiskSettings, seed: int, ci_prob: float
) -> list[InputSensitivity]:
    """Inputs of one reading, regressed together on both estimands and scales."""
    groups = draws.columns(outcome, "rate_new", view)
    risks = [draws.risks[outcome, estimand] for estimand in ESTIMANDS]
    responses = np.stack([on_scale(risk, scale) for risk in risks for scale in SCALES], axis=1)
    stream = child_seed(seed, "risk sensitivity")
    regression = Regression(groups, responses, stream, settings.resamples)
    added = regression.shares_added()
    sources = {s.name: s for s in draws.inputs if s.view in (view, SHARED, NEW_STUDY)}
    found = []
    for number, estimand in enumerate(ESTIMANDS):
        own = [name for name in groups if _reported(sources[name], view, estimand)]
        at = [number * len(SCALES) + k for k in range(len(SCALES))]
        ordered = {name: _ordering(groups[name], regression, name, at[0]) for name in own}
        indices = first_order_indices(ordered, responses[:, at[0]], stream, ci_prob)
        for name in own:
            bar = tornado_bar(ordered[name], risks[number], settings.percentiles)
            found.append(
                InputSensitivity(
                    outcome, estimand, sources[name], indices[name],
                    added[name].of(at), regression.share(name).of(at),
                    bar if groups[name].shape[1] == 1 else _without_ends(bar),
                )
            )  # fmt: skip
    return found


def _reported(source: RiskInput, view: str, estimand: str) -> bool:
    """Whether an input is reported with a reading; what belongs to both is, with the first."""
    if source.view == view:
        return True
    wanted = {SHARED, NEW_STUDY} if estimand == "rate_new" else {SHARED}
    return view == LEVELS and source.view in wanted


def _ordering(columns: np.ndarray, regression: Regression, name: str, response: int) -> np.ndarray:
    """One number a draw to order them by: the input, or what several columns predict of the risk.

    Given the prediction the columns tell nothing more of the expected risk, so that the first-order
    index of the prediction is that of the columns.
    """
    return columns[:, 0] if columns.shape[1] == 1 else regression.fitted(name, response)


def _without_ends(bar: Bar) -> Bar:
    return Bar(float("nan"), float("nan"), bar.risk_low, bar.risk_high)


def sensitivity_rows(
    kind: str, name: str, found: ProfileSensitivity, ci_prob: float
) -> list[dict[str, object]]:
    """Rows of `SENSITIVITY_COLUMNS` of one profile, the longest bars first.

    Parameters
    ----------
    kind, name
        Of the profile.
    found
        Its analysis.
    ci_prob
        Mass of the intervals whose half-widths are given as margins.
    """
    rows = []
    for each in sorted(found.inputs, key=lambda each: -each.bar.swing):
        bar, source = each.bar, each.source
        row: dict[str, object] = {
            "kind": kind, "profile": name, "outcome": each.outcome, "estimand": each.estimand,
            "view": source.view, "input": source.name, "said": source.said, "unit": source.unit,
            "input_low": bar.input_low, "input_high": bar.input_high,
            "risk": float(np.median(found.draws.risks[each.outcome, each.estimand])),
            "risk_low": bar.risk_low, "risk_high": bar.risk_high,
            "basis": source.basis(each.outcome),
        }  # fmt: skip
        row |= _share("first_order_probability", each.known.of([1]), ci_prob)
        index, margin = each.first_order
        row |= {"first_order_logit": index, "first_order_logit_margin": margin}
        for k, scale in enumerate(SCALES):
            row |= _share(f"added_{scale}", each.added.of([k]), ci_prob)
        rows.append(row)
    order = {pair: i for i, pair in enumerate((o, e) for o in ANALYSED for e in ESTIMANDS)}
    rows.sort(key=lambda row: order[str(row["outcome"]), str(row["estimand"])])
    return rows + _predictive_rows(kind, name, found, ci_prob)


def _predictive_rows(
    kind: str, name: str, found: ProfileSensitivity, ci_prob: float
) -> list[dict[str, object]]:
    """Both parts of the variance of a new study's risk."""
    rows = []
    for outcome, share in found.uncertainty.items():
        risk = float(np.median(found.draws.risks[outcome, "rate_new"]))
        head = {"kind": kind, "profile": name, "outcome": outcome, "estimand": "rate_new",
                "view": PREDICTIVE, "risk": risk}  # fmt: skip
        for source, said in (
            (UNCERTAINTY, "uncertainty of the average over studies"),
            (BETWEEN, "variation between studies, which no measurement takes away"),
        ):
            row: dict[str, object] = head | {"input": source, "said": said}
            part = share if source == UNCERTAINTY else Share(1 - share.value, share.resampled)
            for k, scale in enumerate(SCALES):
                row |= _share(f"first_order_{scale}", part.of([k]), ci_prob)
            rows.append(row)
    return rows


def _share(name: str, share: Share, ci_prob: float) -> dict[str, object]:
    margin = half_width(float(share.error[0]), ci_prob)
    return {name: float(share.value[0]), f"{name}_margin": margin}


def sensitivity_table(
    found: Mapping[tuple[str, str], ProfileSensitivity], ci_prob: float
) -> pd.DataFrame:
    """Table of `SENSITIVITY_COLUMNS` of profiles by kind and name."""
    rows = [
        row
        for (kind, name), each in found.items()
        for row in sensitivity_rows(kind, name, each, ci_prob)
    ]
    return pd.DataFrame(rows, columns=SENSITIVITY_COLUMNS)
