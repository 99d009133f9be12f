"""A preview as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from meta.plural import counted
from meta.preview.previewing import Previewing
from meta.preview.results import ModelPreview, Moved, Preview

#: Estimands printed; the JSON document has every one.
SHOWN = ("rate_typical", "rate_mean", "rate_new", "rate_new_arm")
#: Rows listed; the JSON document has every one.
MOST_ROWS = 40
#: And of models other than the primary.
SHOWN_BESIDE = ("rate_mean",)


def format_preview(preview: Preview | Previewing) -> Iterator[str]:
    """Print a preview for a person, part by part.

    Parameters
    ----------
    preview
        What to print; of one that is under way, each model is printed when it is done.

    Yields
    ------
    str
        The proposed rows, then each model with its pooled numbers before and after.
    """
    shown = preview.rows[:MOST_ROWS]
    lines = [f"{r['table']} {r['id']} ({r['action']}): {r['fate']}" for r in shown]
    if more := len(preview.rows) - len(shown):
        lines.append(f"and {counted(more, 'more row')}; --json lists them")
    lines += preview.remarks
    if lines:
        yield "\n".join(lines) + "\n"
    for model in preview.models:
        yield "\n".join(_model(model)) + "\n"


def _model(model: ModelPreview) -> list[str]:
    name = f"{model.model} (primary)" if model.primary else model.model
    how = {
        "none": "",
        "reweighted": f"reweighted {model.draws} stored draws: ",
        "refitted": f"refitted with {model.draws} draws, fewer than a run takes: ",
        "needs a refit": "needs a refit: ",
    }[model.method]
    then = f"; --model {model.model} refits it" if model.method == "needs a refit" else ""
    lines = [f"{name}: {how}{model.reason}{then}", *(f"  warning: {w}" for w in model.warnings)]
    changed = [
        f"{len(names)} {word} ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})"
        for word, names in model.rows.items()
        if names
    ]
    if changed:
        lines.append(f"  rows: {'; '.join(changed)}")
    shown = [m for m in model.estimates if m.estimand in (SHOWN if model.primary else SHOWN_BESIDE)]
    moved = [m for m in shown if m.beyond_error]
    if moved:
        lines.append(
            f"  {'median and interval, in %':<50}{'before':>22}{'after':>24}"
            "   mean moves by (posterior sd)"
        )
        lines += [_line(m) for m in moved]
    if still := [m for m in shown if not m.beyond_error]:
        others = "other number" if moved else "number"
        move, error = ("moves", "its") if len(still) == 1 else ("move", "their")
        lines.append(
            f"  {counted(len(still), others)} {move} by no more than {error} Monte Carlo error: "
            f"{', '.join(_label(m) for m in still)}"
        )
    if rest := len(model.estimates) - len(shown):
        lines.append(f"  {counted(rest, 'further number')} with --json")
    return lines


def _label(m: Moved) -> str:
    group = "" if m.group == "all" else f" {m.group}"
    return f"{m.outcome}{group} {m.estimand}"


def _line(m: Moved) -> str:
    return (
        f"  {_label(m):<50}{_interval(m.before):>22} -> {_interval(m.after):>20}   "
        f"{100 * m.difference:+.2f} +/- {100 * m.mcse:.2f} points ({m.in_sd:+.2f} sd)"
    )


def _interval(summary: dict[str, float]) -> str:
    return (
        f"{100 * summary['median']:.1f} "
        f"[{100 * summary['ci_low']:.1f}, {100 * summary['ci_high']:.1f}]"
    )
