"""Names and colours a reader meets: stages, estimands, groups, studies."""

import re

import pandas as pd

from meta.evidence.dictionary import CODED_TABLE, load_dictionary
from meta.models.moderators import AGAINST

NOT_IN_BASE = "Not in this evidence base."
COMPOSITION = "composition, not a rate"
#: What a model estimates where it is not rates, by its sampling frame.
KINDS = {"case_series": COMPOSITION, "contrasts": "odds ratios of arms within studies"}
STAMP = "not converged: do not cite"
STAMP_DATA = "fails a check against the data: do not cite"
STAMP_BOTH = "not converged, and fails a check against the data: do not cite"
NO_DATA = "no data: prior and product only"
NO_DATA_SHARE = "no data: prior only"
NO_ARM = "no data: no arm"
NO_CASE = "no data: no case"

STAGES = ("capability_transfer", "goal_failure", "harm")
CHAIN = ("capability_transfer", "goal_failure", "capable_goal_failure")
PRODUCTS = ("capable_goal_failure", "harmful_misgeneralization")

OUTCOME_NAMES = {
    "capability_transfer": "Capability transfers",
    "goal_failure": "Goal fails, given capability",
    "capable_goal_failure": "Capable and goal fails",
    "harm": "Significant harm, given goal failure",
    "harmful_misgeneralization": "Capable, goal fails, harm",
    "harm_with_notoriety": "Significant harm, notoriety prior taken off",
}

# Okabe and Ito's palette on light ground, lightened for dark ground; one colour an outcome.
COLOURS = {
    "capability_transfer": ("#0072b2", "#64b9ee"),
    "goal_failure": ("#c24e00", "#ff9a57"),
    "capable_goal_failure": ("#00785a", "#3fd0a4"),
    "harm": ("#a8467f", "#eaa3cb"),
    "harmful_misgeneralization": ("#7a5c00", "#e6c229"),
}

# Greys of a page and its figures, on light and on dark ground.
GREYS = {
    "paper": ("#ffffff", "#14171b"),
    "ink": ("#1b1f24", "#e6e8eb"),
    "muted": ("#59626d", "#a3acb7"),
    "rule": ("#dde1e6", "#343a42"),
    "wash": ("#f5f6f8", "#1d2127"),
}
FACE = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"

ESTIMAND_NAMES = {
    "rate_typical": "typical study",
    "rate_mean": "average over studies",
    "rate_new": "a new study",
    "rate_new_arm": "a new arm, new study",
    "study_rate": "study, shrunken",
    "tau": "Between studies (tau)",
    "omega": "Between agent sets (omega)",
    "kappa": "Between arms (kappa)",
    "phi": "Between families of agents (phi)",
    "upper_share": "Share of studies in the upper population",
    "split": "Share of the variance between the populations",
    "gap": "Distance of the populations, logits (gap)",
    "upper_probability": "Probability of being of the upper population",
    "icc": "Within-arm correlation (icc)",
    "median_odds_ratio": "Median odds ratio",
    "stage_correlation": "Correlation of the stages",
    "odds_ratio": "mean over studies",
    "odds_ratio_new": "a new study's mean effect",
    "odds_ratio_new_pair": "a new pair of arms",
    "risk_ratio": "Risk ratio",
    "risk_difference": "Risk difference",
    "baseline_rate": "average rate of the baselines",
    "tau_delta": "Effects between studies (tau delta)",
}

LIST_ESTIMANDS = {
    "rate_typical": "share, typical list",
    "rate_mean": "share, average over lists",
    "rate_new": "share, a new list",
    "rate_new_arm": "share, new cell of a new list",
    "study_rate": "share in the list, shrunken",
}


def outcome_name(outcome: str) -> str:
    """Name of an outcome for a reader; a pair ``a~b`` is joined, an unknown one spelled out."""
    if "~" in outcome:
        first, *others = (outcome_name(part) for part in reversed(outcome.split("~")))
        return " and ".join([first, *(name[:1].lower() + name[1:] for name in others)])
    return OUTCOME_NAMES.get(outcome, spell(outcome).capitalize())


def estimand_name(estimand: str, is_rate: bool = True) -> str:
    """Name of an estimand for a reader; a catalogue has shares, not rates."""
    names = ESTIMAND_NAMES if is_rate else ESTIMAND_NAMES | LIST_ESTIMANDS
    if estimand.startswith("share_above_"):
        return f"share of new studies above {100 * float(estimand.rpartition('_')[2]):.4g}%"
    return names.get(estimand, spell(estimand))


def group_name(group: str) -> str:
    """Name of a group ``field=value`` for a reader.

    A code such as ``none`` or ``low`` says nothing without its field, whose label is that of the
    field dictionary.
    """
    if group == "all":
        return "all rows"
    field, _, value = group.partition("=")
    if field in {"study", "source_list"}:
        return study_label(value)
    coded = load_dictionary()[CODED_TABLE].fields.get(field)
    if coded is not None and coded.applies_to and value:
        return f"{coded.label}: {spell(value)}"
    return spell(value or field)


def comparison_name(group: str) -> str:
    """Name of a comparison ``field=level vs reference`` for a reader."""
    field, _, levels = group.partition("=")
    level, _, reference = levels.rpartition(AGAINST)
    name = group_name(f"{field}={level}")
    if field != "failure_type" and name == spell(level):
        name = f"{spell(field)}: {name}"
    return f"{name} against {spell(reference)}"


def spell(name: str) -> str:
    """Spell a column or value name out as words."""
    return name.replace("_", " ")


def study_label(study_id: str, year: object = None) -> str:
    """Cite a study by its identifier.

    Parameters
    ----------
    study_id : str
        For example ``langosco_2022`` or ``anthropic_2026_browsecomp``.
    year : object, optional
        Year of the study, used where the identifier has none.

    Returns
    -------
    str
        For example ``Langosco 2022`` or ``Anthropic 2026 browsecomp``.
    """
    words = spell(study_id).strip()
    label = words[:1].upper() + words[1:]
    if re.search(r"\b\d{4}[a-z]?\b", label) or pd.isna(year):  # type: ignore[call-overload]
        return label
    return f"{label} {year}"


#: Unit of each estimand that is no share; those of rates are written with %.
UNITS = {
    **dict.fromkeys(("tau", "omega", "kappa", "phi", "gap", "tau_delta"), "logits"),
    "median_odds_ratio": "times the odds",
    "risk_ratio": "times the rate",
    "risk_difference": "percentage points",
}


def unit_of(estimand: str) -> str:
    """Unit of an estimand; empty for shares, which are written in percent, and pure numbers."""
    name = estimand.removeprefix("study_")
    if name.startswith("log_odds_ratio"):
        return "log odds"
    return "times the odds" if name.startswith("odds_ratio") else UNITS.get(estimand, "")
