"""Tables of fitted models of rates, made up: ratios between the levels of each modifier."""

from __future__ import annotations

import numpy as np
import pandas as pd

from meta.risk.modifier_ratios import RateModel

RNG = np.random.default_rng(6)
#: Average rates of capable goal failure by level, 4000 draws each.
LEVELS = {
    "training_diversity": ("narrow", "mixed", "diverse"),
    "specification_quality": ("high", "medium", "low"),
    "capability_level": ("below_human", "human_level", "above_human"),
    "alignment_method": ("behavioral_cloning", "human_feedback"),
}
RATES = {
    f"{field}={level}": RNG.beta(40 + 10 * i, 60, 4000)
    for field, levels in LEVELS.items()
    for i, level in enumerate(levels)
}


def model(
    *fields: str, reference: dict[str, str] | None = None, studies: dict[str, int] | None = None
) -> RateModel:
    """Tables of a fit: ratios of each level to the reference, as the pipeline writes them."""
    rows, draws = [], {}
    for field in fields:
        base = (reference or {}).get(field, LEVELS[field][0])
        for level in LEVELS[field]:
            group = f"{field}={level}"
            known = {"outcome": "capable_goal_failure", "ci_prob": 0.95, "passed": True}
            count = (studies or {}).get(level, 5)
            rows.append({**known, "group": group, "estimand": "rate_mean", "k_studies": count})
            if level != base:
                name = f"{group} vs {base}"
                ratio = RATES[group] / RATES[f"{field}={base}"]
                draws[f"capable_goal_failure/{name}/risk_ratio"] = ratio
                rows.append(
                    {**known, "group": name, "estimand": "risk_ratio", "k_studies": 9,
                     "median": np.median(ratio), "contraction": 0.7}
                )  # fmt: skip
    return RateModel("by_profile", fields, pd.DataFrame(rows), pd.DataFrame(draws))
