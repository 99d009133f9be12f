"""Base probabilities by shift type and the pooled row, from their own factors."""

from __future__ import annotations

import math

import pandas as pd

from meta.risk.documents import Documents, ShiftType
from meta.risk.printed import Figure
from meta.risk.table_claims import claims_text


def without_harm(shift: ShiftType) -> float:
    """Product of capability and goal failure, which no harm factor has lowered."""
    return shift.capability.value * shift.goal.value


def implied_harm(shift: ShiftType) -> float:
    """Harm factor that the printed product implies: it over the two other factors."""
    product = without_harm(shift)
    return shift.base.value / product if product > 0 else math.nan


def implied_harm_range(shift: ShiftType) -> tuple[float, float]:
    """Lowest and highest implied harm that the rounding of the three figures allows."""
    c, g, b = shift.capability, shift.goal, shift.base
    most = (c.value + c.half_unit) * (g.value + g.half_unit)
    least = (c.value - c.half_unit) * (g.value - g.half_unit)
    high = (b.value + b.half_unit) / least if least > 0 else math.inf
    return (b.value - b.half_unit) / most, high


def harm_within_band(shift: ShiftType, documents: Documents) -> bool:
    """Whether the stated harm band gives the printed product, within its rounding."""
    low, high = documents.harm.ends
    return shift.base.agrees(without_harm(shift) * low, without_harm(shift) * high)


def base_rate_table(documents: Documents) -> pd.DataFrame:
    """Reproduce the table of shift types.

    Returns
    -------
    DataFrame
        One row a shift type: the printed factors (capability, goal) and product (printed), the
        product of the two factors (without_harm), the harm that the printed product implies
        (implied_harm, with the range that rounding allows), what the stated band of harm would
        give (stated_low, stated_high) and what the pooled harm would (pooled_harm), and whether
        the printed product is within the stated band (within_band). Probabilities. Claims behind
        the row (claims).
    """
    low, high = documents.harm.ends
    rows = []
    for shift in documents.shifts.values():
        bare = without_harm(shift)
        least, most = implied_harm_range(shift)
        rows.append(
            {
                "shift_type": shift.name,
                "number": shift.number,
                "capability": shift.capability.value,
                "goal": shift.goal.value,
                "printed": shift.base.value,
                "without_harm": bare,
                "implied_harm": implied_harm(shift),
                "implied_harm_low": least,
                "implied_harm_high": most,
                "stated_low": bare * low,
                "stated_high": bare * high,
                "pooled_harm": bare * documents.pooled.harm.value,
                "within_band": harm_within_band(shift, documents),
                "claims": claims_text(shift.capability, shift.goal, shift.base),
            }
        )
    return pd.DataFrame(rows)


def pooled_table(documents: Documents) -> pd.DataFrame:
    """Reproduce the pooled table: its rows, the printed pooled row, and unweighted means.

    Returns
    -------
    DataFrame
        Columns row, capability, goal, harm, product and claims. Rows are the sources,
        `printed pooled`, `unweighted mean` of the three columns (its product is the product of
        means) and `mean of products`, which has a product only.
    """
    rows: list[dict[str, object]] = [
        {
            "row": s.name,
            **{k: f.value for k, f in s.figures.items()},
            "product": s.product,
            "claims": claims_text(*s.figures.values()),
        }
        for s in documents.sources.values()
    ]
    pooled = documents.pooled
    printed = {column: figure.value for column, figure in pooled.figures.items()}
    means = {column: unweighted_mean(documents, column) for column in printed}
    rows += [
        {
            "row": "printed pooled",
            **printed,
            "product": pooled.product,
            "claims": claims_text(*pooled.figures.values()),
        },
        {"row": "unweighted mean", **means, "product": math.prod(means.values())},
        {"row": "mean of products", "product": mean_of_products(documents)},
    ]
    return pd.DataFrame(rows)


def mean_of_products(documents: Documents) -> float:
    """Unweighted mean over the sources of their own products."""
    products = [source.product for source in documents.sources.values()]
    return sum(products) / len(products)


def unweighted_mean(documents: Documents, column: str) -> float:
    """Unweighted mean of a column of the pooled table."""
    values = [source.figures[column].value for source in documents.sources.values()]
    return sum(values) / len(values)


def highest_base(documents: Documents) -> Figure:
    """Highest printed base probability."""
    return max((s.base for s in documents.shifts.values()), key=lambda figure: figure.value)


def lowest_base(documents: Documents) -> Figure:
    """Lowest printed base probability."""
    return min((s.base for s in documents.shifts.values()), key=lambda figure: figure.value)
