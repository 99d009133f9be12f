"""One finding on the published tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from meta.risk.printed import Figure

#: What a finding computed, by name: a number or a name, or several of either.
Numbers = Mapping[str, object]


@dataclass(frozen=True)
class Finding:
    """Where a table contradicts itself or another.

    Attributes
    ----------
    name
        Short name of the finding.
    section
        Section of the document at fault.
    figures
        Printed figures that it rests on.
    sentence
        What is wrong, for a reader.
    numbers
        What was computed.
    """

    name: str
    section: str
    figures: Sequence[Figure]
    sentence: str
    numbers: Numbers = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Whether every figure that it rests on is printed and every number can be computed."""
        return all(figure.known for figure in self.figures) and not any(
            isinstance(part, float) and math.isnan(part)
            for number in self.numbers.values()
            for part in _parts(number)
        )

    def row(self) -> dict[str, str]:
        """The finding as a row of text."""
        return {
            "finding": self.name,
            "section": self.section,
            "claims": " ".join(dict.fromkeys(f.claim_id for f in self.figures)),
            "numbers": "; ".join(f"{name}={_written(n)}" for name, n in self.numbers.items()),
            "sentence": self.sentence[:1].upper() + self.sentence[1:],
        }


def _parts(number: object) -> Sequence[object]:
    several = isinstance(number, Sequence) and not isinstance(number, str)
    return number if several else [number]  # type: ignore[return-value]


def _written(number: object) -> str:
    return " ".join(
        f"{part:.6g}" if isinstance(part, float | int) else str(part) for part in _parts(number)
    )
