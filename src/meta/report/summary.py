"""The run on one page, for a paper's supplement, in Markdown.

Its parts are those that the Bayesian analysis reporting guidelines ask for (Kruschke 2021,
doi:10.1038/s41562-021-01177-7).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from meta.report.environment import markdown_environment
from meta.report.estimates import Estimate, percent
from meta.report.inputs import Fit, ReportInputs
from meta.report.limits import limits_of
from meta.report.summary_checks import against_data, sampler_lines
from meta.report.summary_sensitivity import OUTCOMES, alternative_lines
from meta.report.tables import HEADLINE, SPREAD, outcomes_of, product_first
from meta.report.verdict import failed_checks, stamp_of
from meta.report.wording import PRODUCTS, STAGES, estimand_name, outcome_name

#: Libraries whose versions a reader needs to judge a fit.
LIBRARIES = ("pymc", "nutpie", "pytensor", "arviz")
#: Failed checks, and limits, that are named; the pages have all.
NAMED = 3
MOST_LIMITS = 9


def summary_md(run: ReportInputs, methods: Mapping[str, Any], interval: str) -> str:
    """Write the summary.

    Parameters
    ----------
    run : ReportInputs
        The stored results.
    methods : mapping
        Context of the methods page (`meta.report.methods.page.methods_context`), which says what
        the models are and what their priors imply.
    interval : str
        Name of the intervals, such as 95%.

    Returns
    -------
    str
        Markdown. It says that it is a draft where a check failed, and which.
    """
    page = markdown_environment().get_template("summary.md.j2")
    text = page.render(**summary_context(run, methods), interval=interval)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def summary_context(run: ReportInputs, methods: Mapping[str, Any]) -> dict[str, Any]:
    """Collect what the summary says; parameters as for `summary_md`."""
    failed = failed_checks(run)
    shared = {
        "stamp": stamp_of(failed),
        "failed": failed[:NAMED],
        "unnamed": len(failed) - NAMED,
        "n_models": len(run.fits),
        "limits": [limit.lead for limit in limits_of(run)][:MOST_LIMITS],
    }
    fit = run.primary
    if fit is None:
        return {**shared, "model": None}
    model = next(each for each in methods["models"] if each.fit is fit)
    return {
        **shared,
        "model": model,
        "spec": fit.record.get("spec", {}),
        "kept_out": kept_out(run.flow),
        "found": first_box(run.flow),
        "implied": implied(methods["prior_table"], fit.name),
        "sampler": sampler_lines(run),
        "against": against_data(fit),
        "calibration": calibration_of(methods, fit.name),
        "outcomes": [outcome_name(outcome) for outcome in OUTCOMES],
        "alternatives": alternative_lines(run, fit),
        "multiverse": run.multiverse is not None,
        "columns": [estimand_name(estimand) for estimand in HEADLINE],
        "results": results_of(run, fit),
        "joined": any(chain.rates == fit.name for chain in run.chains),
        "spread": spread_of(run, fit),
        "versions": versions_of(fit),
        "record": fit.record,
        # Within code nothing is a mark: the name of a model is of letters, digits and underscores.
        "replay": Markup(fit.name),
        "provenance": fit.record.get("provenance") or {},
    }


def first_box(flow: Mapping[str, Any]) -> str:
    """Say what the flow begins with; empty without a flow."""
    boxes = flow.get("boxes") or []
    return f"{boxes[0]['label']}: {_size(boxes[0])}" if boxes else ""


def kept_out(flow: Mapping[str, Any]) -> list[str]:
    """Say what was left out and why, with its number, in the order of the flow."""
    boxes = [box for box in flow.get("boxes") or [] if box.get("reason") and box["n"]]
    return [f"{_size(box)}, {box['reason']}" for box in boxes]


def _size(box: Mapping[str, Any]) -> str:
    return f"{int(box['n']):,} {box.get('unit') or ''}".strip()


def implied(table: pd.DataFrame, model: str) -> list[str]:
    """Say what the priors of a model imply on the scale of probability, before any data."""
    mine = table["models"].str.split().map(lambda models: model in models).astype(bool)
    rows = table[mine & table["scale"].eq("rate")]
    return [
        f"{row['quantity'][:1].lower()}{row['quantity'][1:]} {percent(row['q0.5'])} "
        f"({percent(row['q0.025'])} to {percent(row['q0.975'])})"
        for row in rows.to_dict("records")
    ]


def calibration_of(methods: Mapping[str, Any], model: str) -> str:
    """Say whether the model was calibrated by simulation."""
    said = [each.text for each in methods["calibrations"] if each.model == model]
    return said[0] if said else "not calibrated"


def results_of(run: ReportInputs, fit: Fit) -> list[tuple[str, list[Estimate | None]]]:
    """Pooled numbers of each outcome, the product first; harm and its product where joined."""
    found = [
        (outcome_name(outcome), [run.estimate(fit.name, outcome, "all", e) for e in HEADLINE])
        for outcome in product_first(outcomes_of(run, fit))
    ]
    for chain in run.chains:
        if chain.rates == fit.name:
            found += [
                (outcome_name(outcome), [chain.estimate(outcome, "all", e) for e in HEADLINE])
                for outcome in (STAGES[-1], PRODUCTS[-1])
            ]
    return [(name, cells) for name, cells in found if any(cells)]


def spread_of(run: ReportInputs, fit: Fit) -> list[tuple[str, list[tuple[str, Estimate]]]]:
    """Heterogeneity by stage: name of each number, and the number."""
    found = []
    for outcome in fit.stages:
        numbers = [(e, run.estimate(fit.name, outcome, "all", e)) for e in SPREAD]
        known = [(estimand_name(name), number) for name, number in numbers if number is not None]
        if known:
            found.append((outcome_name(outcome), known))
    return found


def versions_of(fit: Fit) -> list[str]:
    """Versions of the libraries that the fit was made with, as far as recorded."""
    recorded = fit.record.get("versions") or {}
    return [f"{name} {recorded[name]}" for name in LIBRARIES if name in recorded]
