"""Findings on modifiers, ranges, domains and the timeline."""

from __future__ import annotations

from meta.finding import Finding
from meta.risk.base_rates import highest_base, lowest_base
from meta.risk.documents import Documents, Domain
from meta.risk.domains import domain_table, later_multiplier, reproduced_now
from meta.risk.modifiers import combined_range, level_gaps, risk_range_table
from meta.risk.printed import EXACT, Figure, Span, listed, percent, percents
from meta.risk.table_finding import Find, table_finding, times


def modifiers_exceed_one(d: Documents) -> Finding | None:
    """A product of base and modifiers that is no probability."""
    low, high = combined_range(d)
    least, most = lowest_base(d), highest_base(d)
    if not most.value * high > 1:
        return None
    sentence = (
        f"The four modifiers multiply to {low:.2f} to {high:.3g}. Applied to {least.text} and "
        f"{most.text} that is {100 * least.value * low:.2f}% to {percent(most.value * high)}: the "
        f"expression is no probability, and the document gives it no limit."
    )
    numbers = {
        "modifiers": [low, high],
        "risk": [least.value * low, most.value * high],
    }
    figures = [*_modifier_figures(d), least, most]
    spans = [modifier.span for modifier in d.modifiers.values()]
    sums = [
        f"{times(*(span.low for span in spans))} = {low:.3g}",
        f"{times(*(span.high for span in spans))} = {high:.3g}",
        f"{least.text} x {low:.3g} = {100 * least.value * low:.2f}%",
        f"{most.text} x {high:.3g} = {percent(most.value * high)}",
    ]
    section = d.structure.modifiers.section
    return table_finding(
        "modifiers", "modifiers_exceed_one", d, section, figures, sentence, numbers, sums
    )


def risk_ranges_without_rule(d: Documents) -> Finding | None:
    """Risk ranges that no one pair of multipliers of the base probability gives."""
    table = risk_range_table(d)
    shared = all(
        table[f"{end}_least"].max() <= table[f"{end}_most"].min() + EXACT for end in ("low", "high")
    )
    if shared:
        return None
    pairs = list(zip(table["low_multiplier"], table["high_multiplier"], strict=True))
    sentence = (
        f"The risk ranges {listed([s.risk.text for s in d.shifts.values()])} are "
        f"{listed([f'{a:.2f} to {b:.2f}' for a, b in pairs])} times the base probabilities. No "
        f"one rule gives all of them, whatever the rounding."
    )
    numbers = {
        "low_multiplier": table["low_multiplier"].tolist(),
        "high_multiplier": table["high_multiplier"].tolist(),
    }
    figures = [f for s in d.shifts.values() for f in (s.base, s.risk.low, s.risk.high)]
    sums = [
        f"{s.title}: {s.risk.low.text} / {s.base.text} = {a:.2f}, "
        f"{s.risk.high.text} / {s.base.text} = {b:.2f}"
        for s, (a, b) in zip(d.shifts.values(), pairs, strict=True)
    ]
    return table_finding(
        "ranges", "risk_ranges_without_rule", d, _ranges(d), figures, sentence, numbers, sums
    )


def risk_ranges_narrower(d: Documents) -> Finding | None:
    """Risk ranges that use only a part of the range that the modifiers span."""
    table, (low, high) = risk_range_table(d), combined_range(d)
    if not (table["low_least"].min() > low and table["high_most"].max() < high):
        return None
    least, most = table["low_multiplier"].min(), table["high_multiplier"].max()
    sentence = (
        f"The risk ranges use multipliers from {least:.2f} to {most:.2f}, a small part of the "
        f"{low:.2f} to {high:.3g} that the modifiers span."
    )
    numbers = {"used": [float(least), float(most)], "modifiers": [low, high]}
    figures = [
        *(f for s in d.shifts.values() for f in (s.base, s.risk.low, s.risk.high)),
        *_modifier_figures(d),
    ]
    return table_finding(
        "ranges", "risk_ranges_narrower", d, _ranges(d), figures, sentence, numbers
    )


def headline_ranges_disagree(d: Documents) -> Finding | None:
    """Three ranges for one quantity in prose and boxes."""
    spans = d.headlines
    ends = [(span.low, span.high) for span in spans.values()]
    first = ends[0]
    if all(a.agrees(first[0].value, first[0].value) and b.agrees(first[1].value, first[1].value)
           for a, b in ends[1:]):  # fmt: skip
        return None
    shift = d.shifts[d.structure.headlines.info_box.type or ""]
    over = "over " if d.structure.headlines.overview.open == "upper" else ""
    overview = spans["overview"]
    sentence = (
        f"Three headline ranges disagree: {spans['summary'].text} (summary), {overview.low.text} "
        f"to {over}{overview.high.text} (overview) and {spans['info_box'].text} for "
        f"{shift.name} shifts (info box), a type to which the table gives {shift.base.text}."
    )
    numbers = {name: list(span.ends) for name, span in spans.items()}
    numbers["table"] = [shift.base.value]
    figures = [*(f for pair in ends for f in pair), shift.base]
    section = d.structure.headlines.summary.section
    return table_finding(
        "ranges", "headline_ranges_disagree", d, section, figures, sentence, numbers
    )


def over_by_one_point(d: Documents) -> Finding | None:
    """A bound printed as "over" that its table exceeds by one printed digit at most."""
    overview = d.headlines["overview"].high
    highest = max((s.risk.high for s in d.shifts.values()), key=lambda figure: figure.value)
    excess = highest.value - overview.value
    is_open = d.structure.headlines.overview.open == "upper"
    if not (is_open and 0 < excess <= 2 * overview.half_unit + EXACT):
        return None
    sentence = (
        f"The overview says over {overview.text} for the worst conditions; the largest figure of "
        f"the risk table is {highest.text}."
    )
    numbers = {"printed": overview.value, "largest": highest.value}
    section = d.structure.headlines.overview.section
    return table_finding(
        "ranges", "over_by_one_point", d, section, [overview, highest], sentence, numbers
    )


def domains_not_reproduced(d: Documents) -> Finding | None:
    """Domain risks that shift types and specification multipliers do not give."""
    wrong = [domain for domain in d.domains.values() if not reproduced_now(domain, d)]
    if not wrong:
        return None
    table = domain_table(d).set_index("domain")
    parts = [
        f"{domain.title} {percents(*table.loc[domain.name, ['implied_low', 'implied_high']])} "
        f"(printed {domain.now.text})"
        for domain in wrong
    ]
    right = len(d.domains) - len(wrong)
    count = "no" if right == 0 else str(right)
    sentence = (
        f"Base probability times specification multiplier reproduces {count} row of "
        f"{len(d.domains)}: {'; '.join(parts)}."
    )
    numbers = {
        "implied_low": table["implied_low"].tolist(),
        "implied_high": table["implied_high"].tolist(),
        "reproduced": right,
    }
    figures = [f for domain in wrong for f in (*_ends(domain.now), *_ends(domain.shift),
                                               domain.score)]  # fmt: skip
    section = d.structure.domains.section
    return table_finding(
        "domains", "domains_not_reproduced", d, section, figures, sentence, numbers,
        [_implied(domain, d) for domain in wrong],
    )  # fmt: skip


def score_off_its_level(d: Documents) -> Finding | None:
    """Domains whose score is not on the level that the word beside it names."""
    off = []
    for domain in d.domains.values():
        low, high = d.levels[domain.level].score.ends
        if not low - EXACT <= domain.score.value <= high + EXACT:
            off.append(domain)
    if not off:
        return None
    parts = [
        f"{x.title} has {x.score.text} beside {x.level}, which is {d.levels[x.level].score.text}"
        for x in off
    ]
    numbers = {x.name: x.score.value for x in off}
    figures = [f for x in off for f in (x.score, *_ends(d.levels[x.level].score))]
    section = d.structure.domains.section
    return table_finding(
        "domains", "score_off_its_level", d, section, figures, "; ".join(parts), numbers
    )


def projection_against_timeline(d: Documents) -> Finding | None:
    """Projected risks that are not today's times the timeline's multiplier."""
    multiplier = later_multiplier(d)
    off = [
        domain
        for domain in d.domains.values()
        if not all(
            later.agrees(now.value * factor.value, now.value * factor.value)
            for later, now, factor in zip(
                _ends(domain.later), _ends(domain.now), _ends(multiplier), strict=True
            )
        )
    ]
    if not off:
        return None
    table = domain_table(d)
    low = [float(table["ratio_low"].min()), float(table["ratio_low"].max())]
    high = [float(table["ratio_high"].min()), float(table["ratio_high"].max())]
    sentence = (
        f"The projections should be {multiplier.text} today's risk by the timeline. Their ratios "
        f"run from {low[0]:.2f} to {low[1]:.2f} at the low end and from {high[0]:.2f} to "
        f"{high[1]:.2f} at the high end."
    )
    numbers = {
        "ratio_low": low,
        "ratio_high": high,
        "projected_low": table["projected_low"].tolist(),
        "projected_high": table["projected_high"].tolist(),
    }
    figures = [f for x in off for f in (*_ends(x.now), *_ends(x.later))]
    return table_finding(
        "domains", "projection_against_timeline", d, d.structure.domains.section,
        [*figures, *_ends(multiplier)], sentence, numbers,
        [_projected(domain, multiplier) for domain in off],
    )  # fmt: skip


def timeline_exceeds_one(d: Documents) -> Finding | None:
    """Periods in which the highest base probability times the multiplier passes 1."""
    most = highest_base(d)
    over = {name: span for name, span in d.periods.items() if most.value * span.high.value > 1}
    if not over:
        return None
    parts = [
        f"{span.text} ({name}) on {most.text} gives "
        f"{percents(most.value * span.low.value, most.value * span.high.value)}"
        for name, span in over.items()
    ]
    numbers = {
        name: [most.value * span.low.value, most.value * span.high.value]
        for name, span in over.items()
    }
    figures = [most, *(f for span in over.values() for f in _ends(span))]
    sentence = f"{listed(parts)}: what exceeds 100% is no probability."
    sums = [
        f"{name}: {times(most, span.high)} = {percent(most.value * span.high.value)}"
        for name, span in over.items()
    ]
    section = d.structure.timeline.section
    return table_finding(
        "timeline", "timeline_exceeds_one", d, section, figures, sentence, numbers, sums
    )


def specification_gaps(d: Documents) -> Finding | None:
    """Scores that no specification level covers."""
    gaps = level_gaps(d)
    if not gaps:
        return None
    sentence = (
        f"Scores {listed([f'between {low:g} and {high:g}' for low, high in gaps])} have no level "
        f"of specification and so no multiplier."
    )
    numbers = {f"gap_{k + 1}": list(gap) for k, gap in enumerate(gaps)}
    figures = [f for level in d.levels.values() for f in _ends(level.score)]
    section = d.structure.specification_levels.section
    return table_finding("modifiers", "specification_gaps", d, section, figures, sentence, numbers)


RANGE_FINDINGS: tuple[Find, ...] = (
    modifiers_exceed_one, risk_ranges_without_rule, risk_ranges_narrower,
    headline_ranges_disagree, over_by_one_point, specification_gaps, score_off_its_level,
    domains_not_reproduced,
    projection_against_timeline, timeline_exceeds_one,
)  # fmt: skip


def _implied(domain: Domain, d: Documents) -> str:
    """The sums that give a domain's risk of today."""
    shifts, multiplier = d.shifts_of(domain), d.levels[domain.level].multiplier
    ends = zip(shifts or (), _ends(multiplier), _ends(domain.now), strict=False)
    parts = [
        f"{times(shift.base, factor)} = {percent(shift.base.value * factor.value)}, "
        f"{printed.text} is printed"
        for shift, factor, printed in ends
    ]
    return f"{domain.title}: {', and '.join(parts)}"


def _projected(domain: Domain, multiplier: Span) -> str:
    """The sums that give a domain's later risk."""
    parts = [
        f"{times(now, factor)} = {percent(now.value * factor.value)}, {later.text} is printed"
        for now, factor, later in zip(
            _ends(domain.now), _ends(multiplier), _ends(domain.later), strict=True
        )
    ]
    return f"{domain.title}: {', and '.join(parts)}"


def _ranges(d: Documents) -> str:
    return d.structure.risk_ranges.section


def _ends(span: Span) -> tuple[Figure, Figure]:
    return span.low, span.high


def _modifier_figures(d: Documents) -> list[Figure]:
    return [figure for modifier in d.modifiers.values() for figure in _ends(modifier.span)]
