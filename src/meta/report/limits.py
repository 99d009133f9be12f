"""What the data cannot say: facts counted from the rows, and facts of how they arose."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from meta.plural import counted
from meta.report.agreement import coders_sentence
from meta.report.calibration import unobserved_bias
from meta.report.descriptive import observed, product_rows
from meta.report.estimates import percent
from meta.report.inputs import Fit, ReportInputs
from meta.report.wording import spell, study_label


@dataclass(frozen=True)
class Limit:
    """One limit: a name for tests and links, a bold lead and the sentence after it."""

    name: str
    lead: str
    text: str


def limits_of(inputs: ReportInputs) -> list[Limit]:
    """List what a reader must know before any number.

    Parameters
    ----------
    inputs : ReportInputs
        The stored results.

    Returns
    -------
    list of Limit
        Counted facts first, most consequential first; facts that do not apply are left out.
    """
    rows = inputs.primary.rows if inputs.primary else None
    found: list[Limit | None] = []
    if rows is not None and len(rows):
        found += [
            _capability(inputs, rows),
            _independence(rows),
            _concentration(rows),
            _grades(rows),
            _harm(inputs),
        ]
    who = coders_sentence(inputs.codes.coders) if inputs.codes else "Who coded is not recorded."
    found.append(_catalogue(inputs.composition_fits, who))
    return [limit for limit in found if limit is not None] + _standing(inputs)


def _independence(rows: pd.DataFrame) -> Limit:
    trials = int(observed(rows, "goal_failure")["trials"].sum())
    agents = rows["agent_set"].fillna(rows["study"]) if "agent_set" in rows else rows["study"]
    return Limit(
        "independence",
        f"{counted(trials, 'trial')}, but at most "
        f"{counted(agents.nunique(), 'independent agent set')}.",
        f"They come from {counted(len(rows), 'arm')} of "
        f"{counted(rows['study'].nunique(), 'study')}. Many episodes of one trained agent say "
        "little about another one: agents and studies carry the information, trials do not.",
    )


def _capability(inputs: ReportInputs, rows: pd.DataFrame) -> Limit:
    seen = observed(rows, "capability_transfer")
    unseen = rows.drop(index=seen.index)
    studies = set(rows["study"])
    blind = len(studies - set(rows.loc[seen.index, "study"]))
    product = int(product_rows(unseen).sum())
    who = "They" if product == len(unseen) else f"{product:,} of these"
    return Limit(
        "capability",
        f"{_share(len(unseen), len(rows))} of the pooled arms do not observe capability.",
        f"In {blind:,} of the {counted(len(studies), 'study')} no arm does. "
        f"{who} count goal failures among all trials, capable or not, and inform only the product "
        "of the two stages. What splits that product is the remaining arms "
        f"({_types_seen(rows)}) and the priors. Read the product; goal failure given capability is "
        "mostly an assumption about capability. More studies of this kind do not mend it, since "
        "their counts fit a low capability with a high rate of goal failure as well as the "
        f"opposite.{unobserved_bias(inputs.calibration)}",
    )


def _types_seen(rows: pd.DataFrame) -> str:
    """Name the failure types of the arms that observe capability."""
    seen = observed(rows, "capability_transfer")
    if seen.empty or "failure_type" not in rows:
        return "there is none"
    types = sorted(rows.loc[seen.index, "failure_type"].dropna().astype(str).unique())
    return f"all of them {spell(types[0])}" if len(types) == 1 else " and ".join(map(spell, types))


def _concentration(rows: pd.DataFrame) -> Limit:
    arms = rows["study"].value_counts()
    seen = observed(rows, "goal_failure")
    # One study may have few arms and most of the trials: both shares are told.
    trials = seen.groupby("study")["trials"].sum().sort_values(ascending=False)
    of_trials = (
        f" By trials the largest is {study_label(str(trials.index[0]))}, with "
        f"{_share(int(trials.iloc[0]), int(trials.sum()))} of them."
        if len(trials)
        else ""
    )
    return Limit(
        "concentration",
        f"The largest study supplies {_share(int(arms.iloc[0]), len(rows))} of the arms"
        + (f", and one study {_part(trials)} of the trials." if len(trials) else "."),
        f"By arms it is {study_label(str(arms.index[0]))}; the three largest together supply "
        f"{_share(int(arms.iloc[:3].sum()), len(rows))}.{of_trials}",
    )


def _part(trials: pd.Series) -> str:
    return percent(float(trials.iloc[0] / trials.sum())) if trials.sum() else "0%"


def _grades(rows: pd.DataFrame) -> Limit | None:
    if "grade" not in rows:
        return None
    weak = int((~rows["grade"].isin(["A", "B"])).sum())
    return Limit(
        "grade",
        f"{_share(weak, len(rows))} of the arms rest on secondary or digitised counts.",
        "Their grade is below B: rebuilt from a rounded percentage, digitised, or read in a "
        "text about the study. They may be off by one or two events.",
    )


def _harm(inputs: ReportInputs) -> Limit | None:
    tables = [fit.rows for fit in inputs.rate_fits if fit.rows is not None]
    if any(len(observed(table, "harm")) for table in tables):
        return None
    text = "Nothing here is a probability that a goal failure does significant harm"
    if inputs.chains:
        text += (
            " that evaluations have shown. What stands under “With harm” takes harm from "
            "catalogued cases, as coders judge it, and rests on priors of how much likelier "
            "harmful failures are to be written up, and of how cases differ from evaluations"
        )
    return Limit("harm", "No study with a denominator measures harm.", f"{text}.")


def _catalogue(fits: Sequence[Fit], who: str) -> Limit | None:
    """Say it once, of the model with the most cases: the others are fitted to some of these."""
    counted_cases = [pair for fit in fits if (pair := _without_denominator(fit))[1]]
    if not counted_cases:
        return None
    bare, cases = max(counted_cases, key=lambda pair: pair[1])
    return Limit(
        "catalogue",
        f"{_share(bare, cases)} of the catalogued cases have no denominator.",
        "Case lists are selected on failure: they say what failures look like, not how often "
        f"they happen. {who}",
    )


def _without_denominator(fit: Fit) -> tuple[int, int]:
    """Cases of a composition whose list has no denominator, and all of its cases."""
    if fit.rows is None or not len(fit.rows):
        return 0, 0
    columns = [name for name in fit.rows.columns if name.startswith("trials_")]
    columns = ["n_units"] if "n_units" in fit.rows else columns
    sizes = fit.rows[columns].apply(pd.to_numeric).max(axis=1).fillna(0)
    bare = sizes[fit.rows["sampling_frame"].ne("denominator")].sum()
    return int(bare), int(sizes.sum())


def _standing(inputs: ReportInputs) -> list[Limit]:
    found = [
        Limit(
            "elicitation",
            "The settings were chosen, not sampled.",
            "Most were built so that a wrong goal could show itself, and many were published "
            "because it did. The numbers describe such evaluations, not deployed systems.",
        ),
        Limit(
            "design",
            "Designs differ, and these models do not explain how.",
            "How fully training confounds the cue with the goal, and how open a loophole is, is a "
            "choice of each study. One pooled number misleads; the interval for a new study and "
            "the split by type are the result.",
        ),
    ]
    found = found if inputs.rate_fits else found[:1]
    return (
        found
        + [
            Limit(f"refused-{model}", f"The model {model} was not fitted.", f"{reason}.")
            for model, reason in inputs.refused.items()
        ]
        + [_uncoded(model, rows) for model, rows in inputs.uncoded.items()]
    )


def _uncoded(model: str, rows: list[str]) -> Limit:
    named = ", ".join(rows[:5]) + (f" and {len(rows) - 5:,} more" if len(rows) > 5 else "")
    return Limit(
        f"uncoded-{model}",
        f"The model {spell(model)} leaves out {counted(len(rows), 'row')} that nobody has coded.",
        f"They are {named}; every model that reads no codes has them.",
    )


def _share(part: int, whole: int) -> str:
    return f"{percent(part / whole) if whole else '0%'} ({part:,} of {whole:,})"
