"""One printed figure recomputed from others: the sum, its rounding, and a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

from meta.risk.printed import PERCENTAGES, Figure, percent, percents

#: Values of the operands to the low and high end of the recomputed figure. It has to be monotone
#: in each operand, as sums, products and quotients of positive numbers are, so that the extremes
#: that rounding allows are at the corners.
Bounds = Callable[[Sequence[float]], tuple[float, float]]


@dataclass(frozen=True)
class Relation:
    """A printed figure and the printed figures that determine it.

    Attributes
    ----------
    name
        Short name of the rule.
    basis
        ``stated`` if the document gives the rule, ``implied`` if reading its tables together does.
    target
        The figure that is recomputed.
    operands
        The figures it is recomputed from, in the order that `bounds` takes them.
    bounds
        The rule.
    sum
        The rule in words with its numbers, up to and including its verb, as in
        "0.85 x 0.12 x 0.5 to 0.7 gives".
    open_end
        ``upper`` where the target is printed as "over", ``lower`` as "under".
    remark
        A further sentence.
    """

    name: str
    basis: str
    target: Figure
    operands: tuple[Figure, ...]
    bounds: Bounds
    sum: str
    open_end: str | None = None
    remark: str = ""

    @property
    def known(self) -> bool:
        """Whether the target and every operand are printed."""
        return self.target.known and all(operand.known for operand in self.operands)

    def row(self) -> dict[str, object]:
        """Recompute the target and say how it compares."""
        low, high = self.bounds([operand.value for operand in self.operands])
        least, most = self.rounded()
        return {
            "claim_id": self.target.claim_id,
            "relation": self.name,
            "printed": self.target.value,
            "recomputed_low": low,
            "recomputed_high": high,
            "tolerance": self.target.half_unit,
            "reproduced": self.target.agrees(low, high, self.open_end),
            "sentence": self.sentence(low, high),
            "basis": self.basis,
            "reproduced_with_rounded_inputs": self.target.agrees(least, most, self.open_end),
            "operands": " ".join(dict.fromkeys(operand.claim_id for operand in self.operands)),
        }

    def rounded(self) -> tuple[float, float]:
        """Extremes of the recomputed figure that the rounding of its operands allows."""
        corners = product(*[(o.value - o.half_unit, o.value + o.half_unit) for o in self.operands])
        found = [self.bounds(corner) for corner in corners]
        return min(low for low, _ in found), max(high for _, high in found)

    def sentence(self, low: float, high: float) -> str:
        """Write the sum out and set the printed figure beside it."""
        over = {"upper": "over ", "lower": "under "}.get(self.open_end or "", "")
        text = f"{self.sum} {self._number(low, high)}; {over}{self.target.text} is printed."
        return f"{text} {self.remark}" if self.remark else text

    def _number(self, low: float, high: float) -> str:
        if self.target.unit in PERCENTAGES:
            return percents(low, high)
        mark = "x" if self.target.unit == "ratio" else ""
        ends = [f"{round(end, 3):g}{mark}" for end in (low, high)]
        return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def written(value: float) -> str:
    """Write an operand of a sum."""
    return f"{round(value, 4):g}"


def same(values: Sequence[float]) -> tuple[float, float]:
    """The one operand itself."""
    return values[0], values[0]


def whole(values: Sequence[float]) -> tuple[float, float]:
    """The range from the first operand to the second."""
    return values[0], values[1]


def multiplied(values: Sequence[float]) -> tuple[float, float]:
    """Product of all operands."""
    total = 1.0
    for value in values:
        total *= value
    return total, total


def averaged(values: Sequence[float]) -> tuple[float, float]:
    """Unweighted mean of all operands."""
    mean = sum(values) / len(values)
    return mean, mean


def lowest(values: Sequence[float]) -> tuple[float, float]:
    """Least of all operands."""
    return min(values), min(values)


def highest(values: Sequence[float]) -> tuple[float, float]:
    """Greatest of all operands."""
    return max(values), max(values)


def range_product(values: Sequence[float]) -> tuple[float, float]:
    """Product of all but the last two operands with the range from one of these to the other."""
    total = multiplied(values[:-2])[0]
    return total * values[-2], total * values[-1]


def complement(values: Sequence[float]) -> tuple[float, float]:
    """What reductions from the first operand to the second leave."""
    return 1 - values[1], 1 - values[0]


def terms(figures: Sequence[Figure]) -> str:
    """Operands as the factors of a product."""
    return " x ".join(written(figure.value) for figure in figures)


def shown(figure: Figure) -> str:
    """An operand as its table prints it, with one decimal if a percentage."""
    return percent(figure.value) if figure.unit in PERCENTAGES else figure.text
