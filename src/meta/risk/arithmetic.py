"""Arithmetic of the published figures: each that others determine, recomputed from them.

A figure is reproduced if some number within half a unit of its last printed digit is in the
recomputed range (see `meta.risk.printed` for which digit is the last). The inputs of the sum are
taken as printed; `reproduced_with_rounded_inputs` also allows each of them half a unit, which is
the most that rounding can explain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial as bind

import pandas as pd

from meta.risk import relations as r
from meta.risk.chart import place, quadrant_area
from meta.risk.documents import Documents, has_figures, read_documents
from meta.risk.domains import later_multiplier
from meta.risk.printed import Figure, listed
from meta.risk.relations import Relation
from meta.risk.structure import Structure

COLUMNS = (
    "claim_id", "relation", "printed", "recomputed_low", "recomputed_high", "tolerance",
    "reproduced", "sentence", "basis", "reproduced_with_rounded_inputs", "operands",
)  # fmt: skip
STATED, IMPLIED = "stated", "implied"
# An operand that is not there: its sum is left out.
NONE = Figure("", math.nan)


def arithmetic_checks(
    claims: pd.DataFrame, structure: Structure | None = None, partial: bool = False
) -> pd.DataFrame:
    """Recompute every printed figure that other printed figures determine.

    Parameters
    ----------
    claims : DataFrame
        The table of claims.
    structure : Structure, optional
        What belongs where; by default the shipped file.
    partial : bool, optional
        Whether figures may be absent; sums that need one are then left out.

    Returns
    -------
    DataFrame
        One row a claim and relation, table by table: claim_id, relation (short name
        of the rule), printed, recomputed_low, recomputed_high (equal for a number), tolerance
        (half a unit in the last printed digit), reproduced, sentence (the sum written out), basis
        (``stated`` if the document gives the rule, ``implied`` if its tables together do),
        reproduced_with_rounded_inputs, operands (claims, space separated). No row if the claims
        hold nothing of this document.

    Raises
    ------
    MissingRowsError
        Naming every figure of the document that the claims lack, unless `partial`.
    """
    rows: list[dict[str, object]] = []
    if has_figures(claims, structure):
        documents = read_documents(claims, structure, partial)
        for family in FAMILIES:
            rows += [relation.row() for relation in family(documents) if relation.known]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    flags = {"reproduced": bool, "reproduced_with_rounded_inputs": bool}
    numbers = ("printed", "recomputed_low", "recomputed_high", "tolerance")
    return table.astype({**flags, **dict.fromkeys(numbers, float)})


def _headlines(d: Documents) -> Iterator[Relation]:
    ranges, shifts = d.headlines, d.shifts.values()
    bases = tuple(shift.base for shift in shifts)
    named = listed([base.text for base in bases])
    summary, rule = ranges["summary"], "range of the table"
    text = "The {} of the base probabilities {} is".format
    yield Relation(rule, STATED, summary.low, bases, r.lowest, text("lowest", named))
    yield Relation(rule, STATED, summary.high, bases, r.highest, text("highest", named))
    overview, open_end = ranges["overview"], d.structure.headlines.overview.open
    text = "The {} end of the four risk ranges is".format
    for target, figures, bounds, word, side in (
        (overview.low, tuple(s.risk.low for s in shifts), r.lowest, "lowest", "lower"),
        (overview.high, tuple(s.risk.high for s in shifts), r.highest, "highest", "upper"),
    ):
        over = open_end if open_end == side else None
        yield Relation(rule, STATED, target, figures, bounds, text(word), over)
    shift = d.shifts[d.structure.headlines.info_box.type or ""]
    box = ranges["info_box"]
    for target, figure, word in (
        (box.low, shift.risk.low, "lower"),
        (box.high, shift.risk.high, "upper"),
    ):
        yield Relation(
            "risk range of the type",
            IMPLIED,
            target,
            (figure,),
            r.same,
            f"The {word} end of the risk range of {shift.title} ({shift.name}) is",
        )


def _repeated(d: Documents) -> Iterator[Relation]:
    for (first, second), section in zip(d.repeated, d.repeated_in, strict=True):
        yield Relation(
            "same figure twice", STATED, second, (first,), r.same, f"The section {section!r} has"
        )


def _shift_types(d: Documents) -> Iterator[Relation]:
    harm = f"{r.written(d.harm.low.value)} to {r.written(d.harm.high.value)}"
    for shift in d.shifts.values():
        factors = (shift.capability, shift.goal)
        yield Relation(
            "capability x goal x harm",
            STATED,
            shift.base,
            (*factors, d.harm.low, d.harm.high),
            r.range_product,
            f"{r.terms(factors)} x {harm} gives",
        )


def _risk_ranges(d: Documents) -> Iterator[Relation]:
    # The formula is printed; that a risk range is the formula at the ends of every modifier is not.
    for shift in d.shifts.values():
        for end in ("low", "high"):
            factors = (shift.base, *(getattr(m.span, end) for m in d.modifiers.values()))
            yield Relation(
                "base x modifiers",
                IMPLIED,
                getattr(shift.risk, end),
                factors,
                r.multiplied,
                f"{r.terms(factors)} gives",
            )


def _modifiers(d: Documents) -> Iterator[Relation]:
    specification = d.modifiers["specification"]
    multipliers = [level.multiplier for level in d.levels.values()]
    for name, end, rule in (("lowest", "low", r.lowest), ("highest", "high", r.highest)):
        figures = tuple(getattr(multiplier, end) for multiplier in multipliers)
        yield Relation(
            "range of the levels",
            STATED,
            getattr(specification.span, end),
            figures,
            rule,
            f"The {name} multiplier of the specification levels is",
        )
    if specification.scores:
        yield _configuration(specification.span.low, specification.scores.low, d)
        yield _configuration(specification.span.high, specification.scores.high, d)


def _configuration(target: Figure, score: Figure, d: Documents) -> Relation:
    """Multiplier of a configuration against those of the level that its score is on."""
    on = [x for x in d.levels.values() if x.score.low.value <= score.value <= x.score.high.value]
    ends = (on[0].multiplier.low, on[0].multiplier.high) if on else (NONE, NONE)
    text = f"A score of {score.text} is on level {on[0].name}, which has" if on else ""
    return Relation("level of the configuration", IMPLIED, target, ends, r.whole, text)


def _pooled(d: Documents) -> Iterator[Relation]:
    for column, target in d.pooled.figures.items():
        figures = tuple(source.figures[column] for source in d.sources.values())
        yield Relation(
            "unweighted mean of the rows",
            IMPLIED,
            target,
            figures,
            r.averaged,
            f"The mean of {listed([r.written(f.value) for f in figures])} is",
        )


def _domains(d: Documents) -> Iterator[Relation]:
    for domain in d.domains.values():
        shifts = d.shifts_of(domain)
        if shifts is None:
            continue
        multiplier = d.levels[domain.level].multiplier
        for target, shift, factor in (
            (domain.now.low, shifts[0], multiplier.low),
            (domain.now.high, shifts[1], multiplier.high),
        ):
            factors = (shift.base, factor)
            yield Relation(
                "base x specification",
                IMPLIED,
                target,
                factors,
                r.multiplied,
                f"{r.terms(factors)} gives",
            )
    times = later_multiplier(d)
    for domain in d.domains.values():
        for target, now, factor in (
            (domain.later.low, domain.now.low, times.low),
            (domain.later.high, domain.now.high, times.high),
        ):
            factors = (now, factor)
            yield Relation(
                "now x timeline", STATED, target, factors, r.multiplied, f"{r.terms(factors)} gives"
            )


def _unknowns(d: Documents) -> Iterator[Relation]:
    for name, unknown in d.structure.unknowns.items():
        target = d.unknowns[name]
        modifier = d.modifiers[unknown.modifier]
        yield Relation(
            "low end of the modifier",
            IMPLIED,
            target,
            (modifier.span.low,),
            r.same,
            f"The low end of the {modifier.name} modifier is",
        )
        reduction = d.interventions[unknown.intervention].reduction
        yield Relation(
            "what the intervention leaves",
            IMPLIED,
            target,
            (reduction.low, reduction.high),
            r.complement,
            f"1 less a reduction of {reduction.text} leaves",
        )


def _chart(d: Documents) -> Iterator[Relation]:
    for scenario in d.scenarios.values():
        if scenario.type is None or not (scenario.x.known and scenario.y.known):
            continue
        where, areas = place(scenario, d), quadrant_area(d, scenario.type)
        remark = "" if where.type else "It is on a dividing line."
        called = "the nearest to the example of" if scenario.nearest else "an example of"
        for axis, target, area in zip("xy", (scenario.x, scenario.y), areas, strict=True):
            on_line = remark if target.value == d.structure.chart.division else ""
            yield Relation(
                "quadrant of the type",
                STATED,
                target,
                (),
                bind(_fixed, area),
                f"{scenario.title} is {called} {d.shifts[scenario.type].title}, whose quadrant "
                f"has {axis} from",
                remark=on_line,
            )


def _fixed(area: tuple[float, float], _values: object) -> tuple[float, float]:
    return area


FAMILIES: tuple[Callable[[Documents], Iterator[Relation]], ...] = (
    _headlines, _repeated, _shift_types, _risk_ranges, _modifiers, _pooled, _domains, _unknowns,
    _chart,
)  # fmt: skip
