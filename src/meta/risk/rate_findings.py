"""Findings on the base probabilities and on the row that pools three sources."""

from __future__ import annotations

from itertools import pairwise

from meta.finding import Finding
from meta.risk.base_rates import (
    harm_within_band,
    highest_base,
    implied_harm,
    implied_harm_range,
    mean_of_products,
    unweighted_mean,
    without_harm,
)
from meta.risk.documents import Documents, ShiftType
from meta.risk.printed import Figure, listed, percent, percents
from meta.risk.table_finding import Find, source_name, table_finding, times


def harm_outside_band(d: Documents) -> Finding | None:
    """Printed products that the stated band of harm does not give."""
    shifts = list(d.shifts.values())
    outside = [s for s in shifts if not harm_within_band(s, d)]
    if not outside:
        return None
    inside = [s.title for s in shifts if s not in outside]
    low, high = d.harm.ends
    would = [percents(without_harm(s) * low, without_harm(s) * high) for s in shifts]
    sentence = (
        f"P(harm) is said to be assumed at {d.harm.text}. The printed products imply "
        f"{listed([percent(implied_harm(s)) for s in shifts])} for {_titles(shifts)}: "
        f"{f'only {listed(inside)} is' if inside else 'none is'} inside. "
        f"The stated band would give {listed(would)}."
    )
    numbers = {
        "implied_harm": [implied_harm(s) for s in shifts],
        "stated_low": [without_harm(s) * low for s in shifts],
        "stated_high": [without_harm(s) * high for s in shifts],
        "outside": [s.name for s in outside],
    }
    figures = [*_factors(outside), d.harm.low, d.harm.high]
    sums = [
        f"{s.title}: {_divided(s)}, and {times(s.capability, s.goal)} x {d.harm.text} = {given}"
        for s, given in zip(shifts, would, strict=True)
    ]
    return table_finding(
        "base_rates", "harm_outside_band", d, _table(d), figures, sentence, numbers, sums
    )


def harm_rises(d: Documents) -> Finding | None:
    """An implied harm factor that differs between types by more than rounding."""
    ordered = sorted(d.shifts.values(), key=implied_harm)
    least, most = ordered[0], ordered[-1]
    if not implied_harm_range(least)[1] < implied_harm_range(most)[0]:
        return None
    sentence = (
        f"The harm factor that the printed products imply goes from "
        f"{percent(implied_harm(least))} ({least.title}) to {percent(implied_harm(most))} "
        f"({most.title}). The note gives one band for all types and does not say so."
    )
    numbers = {"least": implied_harm(least), "most": implied_harm(most)}
    ends = [least, most]
    sums = [f"{s.title}: {_divided(s)}" for s in ends]
    return table_finding(
        "base_rates", "harm_rises", d, _table(d), _factors(ends), sentence, numbers, sums
    )


def pooled_harm_outside_band(d: Documents) -> Finding | None:
    """A pooled harm that is not in the band assumed elsewhere in the document."""
    harm = d.pooled.harm
    if harm.agrees(*d.harm.ends):
        return None
    shifts = list(d.shifts.values())
    would = [without_harm(s) * harm.value for s in shifts]
    side = "below" if harm.value < d.harm.low.value else "above"
    sentence = (
        f"The pooled P(harm) of the same document, {harm.text}, is {side} the assumed "
        f"{d.harm.text}. It would give {listed([percent(w) for w in would])} for "
        f"{_titles(shifts)} where {listed([s.base.text for s in shifts])} are printed."
    )
    numbers = {"pooled_harm": harm.value, "would_give": would}
    figures = [harm, d.harm.low, d.harm.high]
    figures += _factors(shifts)
    sums = [
        f"{s.title}: {times(s.capability, s.goal, harm)} = {percent(w)}"
        for s, w in zip(shifts, would, strict=True)
    ]
    return table_finding(
        "base_rates", "pooled_harm_outside_band", d, _table(d), figures, sentence, numbers, sums
    )


def heading_omits_harm(d: Documents) -> Finding | None:
    """A column whose heading leaves a factor out that its figures contain."""
    table, shifts = d.structure.shift_types, list(d.shifts.values())
    lowered = all(s.base.value + s.base.half_unit < without_harm(s) for s in shifts)
    if table.heading_names_harm or not lowered:
        return None
    without = [without_harm(s) for s in shifts]
    sentence = (
        f"The column headed {table.heading} includes harm, so it is the probability of harmful "
        f"misgeneralization. Without harm the same inputs give "
        f"{listed([percent(w) for w in without])}."
    )
    sums = [
        f"{s.title}: {times(s.capability, s.goal)} = {percent(w)}, {s.base.text} is printed"
        for s, w in zip(shifts, without, strict=True)
    ]
    return table_finding(
        "base_rates", "heading_omits_harm", d, _table(d), _factors(shifts), sentence,
        {"without_harm": without}, sums,
    )  # fmt: skip


def capability_word_reversed(d: Documents) -> Finding | None:
    """Words that grade risk beside figures that are used as a probability of success."""
    words = d.structure.shift_types.words
    shifts = sorted(d.shifts.values(), key=lambda s: words.index(s.capability_word))
    falling = all(a.capability.value > b.capability.value for a, b in pairwise(shifts))
    rising = all(
        words.index(a.goal_word) < words.index(b.goal_word) and a.goal.value < b.goal.value
        for a, b in pairwise(shifts)
    )
    if not (falling and rising):
        return None
    first, last = shifts[0], shifts[-1]
    sentence = (
        f"The words beside capability grade a risk, from {first.capability_word} "
        f"({first.capability.text}) to {last.capability_word} ({last.capability.text}), but the "
        f"figures are used as the probability that capability does generalise: words and figures "
        f"point in opposite directions, which those of goal failure ({first.goal_word}, "
        f"{first.goal.text}, to {last.goal_word}, {last.goal.text}) do not."
    )
    numbers = {"capability": [s.capability.value for s in shifts]}
    figures = [s.capability for s in shifts]
    return table_finding(
        "base_rates", "capability_word_reversed", d, _table(d), figures, sentence, numbers
    )


def last_rise_is_harm(d: Documents) -> Finding | None:
    """A rise between the last two types that comes mostly from the unstated harm factor."""
    before, last = sorted(d.shifts.values(), key=lambda s: s.number)[-2:]
    rise = last.base.value - before.base.value
    fixed = without_harm(last) * implied_harm(before)
    if not (rise > 0 and last.base.value - fixed > rise / 2):
        return None
    share = (last.base.value - fixed) / rise
    sentence = (
        f"Capability x goal failure rises only from {without_harm(before):.3f} to "
        f"{without_harm(last):.3f} from {before.title} to {last.title}. With the harm factor "
        f"held at {implied_harm(before):.3f}, {last.title} would be {percent(fixed)} and not "
        f"{last.base.text}: {100 * share:.0f}% of the printed rise is the unstated harm factor."
    )
    numbers = {
        "product_before": without_harm(before),
        "product_last": without_harm(last),
        "harm_fixed": fixed,
        "share_of_rise": share,
    }
    sums = [
        f"{before.title}: {_divided(before)}",
        f"{last.title}: {times(last.capability, last.goal)} x {percent(implied_harm(before))} = "
        f"{percent(fixed)}",
    ]
    return table_finding(
        "base_rates", "last_rise_is_harm", d, _table(d), _factors([before, last]), sentence,
        numbers, sums,
    )  # fmt: skip


def pooled_row_unweighted(d: Documents) -> Finding | None:
    """A pooled row that is the plain mean of the rows, whatever their cases."""
    columns = d.pooled.figures
    means = [unweighted_mean(d, column) for column in columns]
    plain = all(f.agrees(m, m) for f, m in zip(columns.values(), means, strict=True))
    lists = [s for s in d.sources.values() if s.counts == "catalogue"]
    apart = [s for s in lists if any(f.value != s.figures[c].value for c, f in columns.items())]
    if not (plain and apart):
        return None
    row = apart[0]
    by_case = listed([figure.text for figure in row.figures.values()])
    sentence = (
        f"The pooled row is the unweighted mean of {len(d.sources)} rows "
        f"({listed([percent(m) for m in means])}), rounded, though it is said to rest on "
        f"{d.cases.text} or more cases. If these are the catalogue's, weighting by cases would sit "
        f"close to its row, {by_case}."
    )
    numbers = {"means": means, "catalogue": [figure.value for figure in row.figures.values()]}
    figures = [*columns.values(), *_all_figures(d), d.cases]
    sums = [
        f"{name}: ({' + '.join(s.figures[name].text for s in d.sources.values())}) / "
        f"{len(d.sources)} = {percent(mean)}, {figure.text} is printed"
        for (name, figure), mean in zip(columns.items(), means, strict=True)
    ]
    return table_finding(
        "pooled_row", "pooled_row_unweighted", d, _sources(d), figures, sentence, numbers, sums
    )


def pooled_rows_without_counts(d: Documents) -> Finding | None:
    """Sources with a percentage and neither a count nor an interval."""
    structure, table = d.structure.sources, d.printed.table
    bare = []
    for source in d.sources.values():
        rows = table[(table["section"] == structure.section) & (table["subject"] == source.name)]
        counted = rows["quantity"].str.startswith(structure.count_prefix, na=False)
        if not counted.any() and rows["statistic"].eq("point").all():
            bare.append(source)
    if not bare:
        return None
    sentence = (
        f"{len(bare)} of {len(d.sources)} rows have neither a numerator nor a denominator nor an "
        f"interval, and nothing says how much they differ beyond chance. The column of cases "
        f"analysed names kinds of cases ({listed([source.counts for source in bare])}) and no "
        f"number. The only count is {d.cases.text} or more cases, in the pooled row."
    )
    figures = [*(figure for source in bare for figure in source.figures.values()), d.cases]
    numbers = {"rows": len(bare), "without_counts": [source.name for source in bare]}
    return table_finding(
        "pooled_row", "pooled_rows_without_counts", d, _sources(d), figures, sentence, numbers
    )


def pooled_above_base_rates(d: Documents) -> Finding | None:
    """A pooled product above every base probability."""
    highest, mean = highest_base(d), mean_of_products(d)
    if not min(d.pooled.product, mean) > highest.value + highest.half_unit:
        return None
    sentence = (
        f"The product of the pooled row is {percent(d.pooled.product)} and the mean of the rows' "
        f"products {percent(mean)}. Both exceed the highest base probability of the document, "
        f"{highest.text}: the two tables do not agree."
    )
    numbers = {
        "pooled_product": d.pooled.product,
        "mean_of_products": mean,
        "row_products": [source.product for source in d.sources.values()],
        "highest_base": highest.value,
    }
    figures = [*d.pooled.figures.values(), *_all_figures(d), highest]
    rows = [*d.sources.values(), d.pooled]
    sums = [f"{source_name(s)}: {times(*s.figures.values())} = {percent(s.product)}" for s in rows]
    return table_finding(
        "pooled_row", "pooled_above_base_rates", d, _sources(d), figures, sentence, numbers, sums
    )


def rate_from_a_catalogue(d: Documents) -> Finding | None:
    """A rate of failure quoted from a list that holds failures only."""
    lists = [s for s in d.sources.values() if s.counts == "catalogue" and not s.goal.agrees(1, 1)]
    if not lists:
        return None
    given = listed([f"{s.capability.text} and {s.goal.text} ({source_name(s)})" for s in lists])
    sentence = (
        f"A catalogue of failures fixes P(goal failure | capability) at 1 by selection and cannot "
        f"tell P(capability). The table gives {given}."
    )
    figures = [figure for s in lists for figure in (s.capability, s.goal)]
    numbers = {"goal": [s.goal.value for s in lists], "by_selection": 1.0}
    return table_finding(
        "pooled_row", "rate_from_a_catalogue", d, _sources(d), figures, sentence, numbers
    )


RATE_FINDINGS: tuple[Find, ...] = (
    harm_outside_band, harm_rises, pooled_harm_outside_band, heading_omits_harm,
    capability_word_reversed, last_rise_is_harm, pooled_row_unweighted,
    pooled_rows_without_counts, pooled_above_base_rates, rate_from_a_catalogue,
)  # fmt: skip


def _table(d: Documents) -> str:
    return d.structure.shift_types.section


def _sources(d: Documents) -> str:
    return d.structure.sources.section


def _titles(shifts: list[ShiftType]) -> str:
    return listed([shift.title for shift in shifts])


def _divided(shift: ShiftType) -> str:
    """The sum that gives the harm which a printed product implies."""
    factors = times(shift.capability, shift.goal)
    return f"{shift.base.text} / ({factors}) = {percent(implied_harm(shift))}"


def _factors(shifts: list[ShiftType]) -> list[Figure]:
    return [figure for s in shifts for figure in (s.capability, s.goal, s.base)]


def _all_figures(d: Documents) -> list[Figure]:
    return [figure for source in d.sources.values() for figure in source.figures.values()]
