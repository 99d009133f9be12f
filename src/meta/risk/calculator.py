"""What a page needs to work out the risk of any profile by itself: draws, nodes, printed factors.

The draws are those that `meta.risk.answer` answers from, to seven digits, with the same nodes of
the quadrature and the same predictive and scenario draws, so that both give the same figures. The
printed factors are worked out here for each legal value: the page only multiplies them.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from meta.estimands.chain_averages import NODES, WEIGHTS, stage_correlations
from meta.estimands.draws import Draws
from meta.estimands.harm_chain import STAGES, WHOLE
from meta.risk.basis import Basis, Setting
from meta.risk.documents import Documents
from meta.risk.evidence import FEWEST_STUDIES, OUTCOMES, new_normals, score_levels
from meta.risk.flags import EVIDENCE, FEW_CONTRASTS, PUBLISHED
from meta.risk.printed import Figure, Span
from meta.risk.published import profile_factors
from meta.risk.scenarios import EVIDENCE as MEASURED
from meta.risk.scenarios import (
    JUDGEMENT,
    Effect,
    Scenarios,
    overlap_draws,
    profile_effects,
    remedy_effect,
    shipped_scenarios,
)
from meta.risk.settings import LEVELS, Profile, legal_values
from meta.risk.support import level_support
from meta.risk_settings import PROFILE_FIELDS

#: Scores that the page offers: 0, 0.01, ..., 1.
SCORES = 101
#: Bytes of a draw. Three cut the range of a column into 17 million steps, as fine as a float of
#: four for draws that are of one size.
BYTES = 3
#: Which way the median effect of an intervention goes.
RAISES, LOWERS = "raises", "lowers"


def calculator_content(
    basis: Basis,
    documents: Documents,
    seed: int,
    ci_prob: float,
    scenarios: Scenarios | None = None,
) -> dict[str, Any]:
    """Collect what the page needs.

    Parameters
    ----------
    basis
        Draws, as few as the page can hold.
    documents
        Printed figures.
    seed, ci_prob
        Of the evidence mode, as for `meta.risk.profile_risk.risk_table`.
    scenarios
        Judgements, by default the shipped ones.

    Returns
    -------
    dict
        JSON values. `draws` holds the columns of `columns`, as `packed` writes them, with the
        least value and the step of each in `scales`; `sets` tells each draw's row of `means`.
    """
    scenarios = scenarios or shipped_scenarios()
    legal = legal_values(documents)
    effects = _effects(legal, basis, documents, scenarios, seed)
    columns = _columns(basis, effects, scenarios, seed)
    means, sets = _means(basis)
    return {
        "count": len(basis.chain.correlation),
        "interval": ci_prob,
        "nodes": NODES.tolist(),
        "weights": WEIGHTS.tolist(),
        "outcomes": {name: [s.start, s.stop] for name, s in OUTCOMES.items()},
        "legal": legal,
        "remedies": list(documents.interventions),
        "models": basis.models,
        "rates": _settings(basis.rates),
        "harm": _settings(basis.harm),
        "means": means,
        "sets": sets,
        "scores": [_score(i / (SCORES - 1), documents) for i in range(SCORES)],
        "support": _support(legal, basis),
        "effects": [_record(effect) for effect in effects],
        "printed": _printed(legal, documents),
        "stages": _printed_stages(documents),
        "flags": {**PUBLISHED, **EVIDENCE},
        "columns": list(columns),
        **packed(columns),
    }


def packed(columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Write columns as whole numbers of steps above the least value of each.

    Returns
    -------
    dict
        `scales`, the least value and the step of each column; and `draws`, the columns one after
        the other in base64, each value `BYTES` bytes, the lowest first.

    Raises
    ------
    ValueError
        Naming the columns that hold what is no finite number: it has no place among the steps.
    """
    values = np.stack(list(columns.values()))
    lost = ~np.isfinite(values).all(axis=1)
    if lost.any():
        names = ", ".join(name for name, bad in zip(columns, lost, strict=True) if bad)
        raise ValueError(f"draws that are not finite: {names}")
    low = values.min(axis=1)
    steps = 2 ** (8 * BYTES) - 1
    step = np.ptp(values, axis=1) / steps
    # A column that does not vary has no step, and is its least value.
    whole = np.divide(values - low[:, None], step[:, None], where=step[:, None] > 0,
                      out=np.zeros_like(values))  # fmt: skip
    few = np.rint(whole).astype("<u4").view(np.uint8).reshape(*values.shape, 4)[..., :BYTES]
    return {
        "scales": np.stack([low, step], axis=1).tolist(),
        "draws": base64.b64encode(few.tobytes()).decode("ascii"),
    }


def _columns(
    basis: Basis, effects: list[Effect], scenarios: Scenarios, seed: int
) -> dict[str, np.ndarray]:
    """Draws by column: of the stages, of slopes by term and stage, of what a scenario does."""
    chain, count = basis.chain, len(basis.chain.correlation)
    three = chain.at(np.zeros(basis.rate_x.shape[1]), np.zeros(basis.harm_x.shape[1]))
    r, rho = stage_correlations(three)
    found = {f"{name}.{o}": getattr(three, name)[:, o]
             for name in ("location", "tau", "inner") for o in range(3)}  # fmt: skip
    found |= {"r": r, "rho": rho}
    found |= {f"normal.{i}": z for i, z in enumerate(new_normals(count, seed).T)}
    found |= _slopes("rates", chain.rates) | _slopes("harm", chain.harm)
    found |= {f"effect.{e.name}": e.draws for e in effects}
    stages = dict.fromkeys(e.stage for e in effects)
    return found | {
        f"overlap.{stage}": overlap_draws(scenarios, count, seed, stage) for stage in stages
    }


def _slopes(name: str, draws: Draws) -> dict[str, np.ndarray]:
    terms, stages = draws.slope.shape[1:]
    return {f"{name}.{p}.{o}": draws.slope[:, p, o] for p in range(terms) for o in range(stages)}


def _means(basis: Basis) -> tuple[dict[str, list[list[float]]], list[int]]:
    """Design rows at the evidence's mean, each once, and which of them each draw has."""
    width = basis.rate_x.shape[1]
    rows, which = np.unique(
        np.concatenate([basis.rate_x, basis.harm_x], axis=1), axis=0, return_inverse=True
    )
    means = {"rates": rows[:, :width].tolist(), "harm": rows[:, width:].tolist()}
    return means, which.ravel().tolist()


def _settings(settings: tuple[Setting, ...]) -> list[dict[str, Any]]:
    """Moderators of a model, under the names that a profile has for them."""
    names = {field: name for name, field in PROFILE_FIELDS.items()}
    return [
        {
            "name": names.get(setting.field, ""),
            "start": setting.columns[0],
            "levels": dict(zip(setting.levels, map(list, setting.settings), strict=True)),
        }
        for setting in settings
    ]


def _effects(
    legal: Mapping[str, list[str]],
    basis: Basis,
    documents: Documents,
    scenarios: Scenarios,
    seed: int,
) -> list[Effect]:
    """Effect of every period and of every remedy, each alone."""
    shift = legal["shift"][0]
    periods = [
        profile_effects(Profile((shift, shift), period=p), basis, documents, scenarios, seed)[0]
        for p in legal["period"]
    ]
    names = legal["interventions"]
    return periods + [remedy_effect(n, basis, documents, scenarios, seed) for n in names]


def _record(effect: Effect) -> dict[str, Any]:
    return {
        "name": effect.name,
        "stage": effect.stage,
        "judged": effect.basis == JUDGEMENT,
        "basis": effect.basis,
        "said": effect.said,
        "period": effect.is_period,
        "direction": _direction(effect),
        "flags": [FEW_CONTRASTS] if 0 < effect.k_studies < FEWEST_STUDIES else [],
    }


def _direction(effect: Effect) -> str:
    """Which way arms moved the odds, by the median; empty where none tell.

    What contrasts are coded by need be no remedy: pressure raises failures.
    """
    median = float(np.median(effect.draws))
    if effect.basis != MEASURED or median == 0:
        return ""
    return RAISES if median > 0 else LOWERS


def _support(legal: Mapping[str, list[str]], basis: Basis) -> dict[str, dict[str, Any]]:
    """Studies, arms and lists behind each level, its flags, and stages that it leaves judged."""
    found = {}
    for name, field in PROFILE_FIELDS.items():
        own = next(setting.levels for setting in basis.rates if setting.field == field)
        levels = dict.fromkeys([*legal.get(name, ()), *own])
        each = {level: level_support(name, level, basis) for level in levels}
        found[name] = {
            level: {"studies": s.k_studies, "arms": s.k_rows, "capability": s.k_capability,
                    "lists": s.k_lists, "flags": list(s.flags), "judged": list(s.judged)}
            for level, s in each.items()
        }  # fmt: skip
    return found


def _score(score: float, documents: Documents) -> dict[str, Any]:
    """Levels of the evidence, and the printed factor, of a score."""
    levels = [list(pair) for pair in score_levels(score, documents)]
    return {"levels": levels, **_factor(documents, specification=score)}


def _printed(legal: Mapping[str, list[str]], documents: Documents) -> dict[str, dict[str, Any]]:
    """Printed factor of every legal value that is chosen from a list."""
    found: dict[str, dict[str, Any]] = {
        "shift": {shift: _factor(documents, shift=(shift, shift)) for shift in legal["shift"]}
    }
    for name in (*LEVELS, "period"):
        found[name] = {value: _factor(documents, **{name: value}) for value in legal[name]}
    found["interventions"] = {
        value: _factor(documents, interventions=(value,)) for value in legal["interventions"]
    }
    return found


def _printed_stages(documents: Documents) -> dict[str, dict[str, dict[str, Any]]]:
    """Stages and base risk of each shift type as printed: ends, and the claims that print them."""
    found = {}
    for name, shift in documents.shifts.items():
        stages = [_span(shift.capability), _span(shift.goal), _span(documents.harm)]
        found[name] = dict(zip((*STAGES, WHOLE), [*stages, _span(shift.base)], strict=True))
    return found


def _span(printed: Figure | Span) -> dict[str, Any]:
    span = printed if isinstance(printed, Span) else Span(printed, printed)
    return {"ends": list(span.ends), "claims": list(span.ids)}


def _factor(documents: Documents, **setting: Any) -> dict[str, Any]:
    """Ends and central value of the factor of one setting; null where it is no number."""
    first = next(iter(documents.shifts))
    factor = profile_factors(Profile(**{"shift": (first, first), **setting}), documents)[-1]
    ends = [factor.low, factor.central, factor.high]
    return {
        "factor": None if any(np.isnan(ends)) else [float(end) for end in ends],
        "flags": list(factor.flags),
    }
