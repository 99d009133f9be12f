"""Stable short names for kinds of problems, by which programs filter them."""

from __future__ import annotations

import re
from functools import lru_cache

UNNAMED = "other"

# The first pattern that a reason contains names its kind. Names are a promise to those who filter
# by them: a sentence may be reworded, together with its pattern, and the name stays.
_KINDS: tuple[tuple[str, str], ...] = (
    (r"spreadsheet formula", "formula"),
    (r"spreadsheet's error", "error-value"),
    (r"that a spreadsheet made of something else", "date-for-text"),
    (r"^contains U\+|not in Unicode form|not written as such names", "odd-character"),
    (r"differs only by letter case from", "letter-case"),
    (r"^is almost spelt as", "near-value"),
    (r"rows? of the table$", "swallowed-rows"),
    (r"flow shows it as added since", "not-in-screening"),
    (r"do not add up|^the source .* (says|counts .* again)", "screening-sum"),
    (r"names no column|does not run between", "screening-filter"),
    (r"already corrected|is stale|^locates |correction|YAML's sign", "correction"),
    (r"required cell is blank", "required-blank"),
    (r"is not a legal", "vocabulary"),
    (r"^the scheme .* runs or reads", "dangerous-link"),
    (r"arXiv identifier", "arxiv-form"),
    (r"^the DOI", "doi-form"),
    (r"^the scheme|is not followed by ://|the address (has no host|does not begin)", "url-form"),
    (r"is after (today|this year)", "future-date"),
    (r"is before the year of the study", "date-before-study"),
    (r"the printed figure fits none", "printed-figure"),
    (r"is the worked row", "worked-row"),
    (r"counts are the same", "duplicate-arm"),
    (r"the case has the title", "duplicate-case"),
    (r"^the study has the", "duplicate-study"),
    (r"is not a version of the codebook", "codebook-version"),
    (r"is not a code of .* in version", "code-outside-version"),
    (r"differs only in spelling", "coded-twice"),
    (r"overlap_set has arms of more", "overlap-set-studies"),
    (r"agent_set has arms of more", "agent-set-studies"),
    (r"is not (a whole number|a number)", "number"),
    (r"is not a date", "date-form"),
    (r"is (less|more) than .*possible value", "range"),
    (r"under all_trials, which says", "not-all-at-risk"),
    (r"under given_capability: of the other capable", "few-at-risk"),
    (r"under all_trials: some failures", "failing-without-capability"),
    (r"is more than \w+ \(|is more than n_capable", "count-order"),
    (r"is given and .* is blank|is given on .* rows?", "count-lacks-whole"),
    (r"no observed count", "no-count"),
    (r"conditioning is blank", "conditioning-assumed"),
    (r"catalogue of failures has none", "no-denominator"),
    (r"selected on success", "conditioned"),
    (r"rest on memory", "memory-only"),
    (r"are the sums? of the main rows", "total-pooled"),
    (r"already stands on line", "repeated-key"),
    (r"^the name stands on line", "ambiguous-name"),
    (r"there is no such|is not there without", "unknown-key"),
    (r"^the link ", "taxonomy-link"),
    (r"^the parent is", "taxonomy-parent"),
    (r"told by neither", "goals-of-nobody"),
    (r"required file is missing", "missing-file"),
    (r"required column is missing", "missing-column"),
    (r"the column of counts \w+ is missing", "missing-column"),
    (r"not a known column", "unknown-column"),
    (r"the row has [\d,]+ cells?", "cell-count"),
    (r"header names the column|column name is reserved|has no name|header", "header"),
    (r"not a table of the evidence base", "stray-file"),
    (r"cannot be read", "unreadable"),
    (r"UTF-\d|NUL bytes|encod", "encoding"),
    (r"quote", "quote"),
    (r"longer than .* kB", "long-cell"),
    (r"separated by", "separator"),
    (r"file is empty", "empty-file"),
    (r"broken records", "broken-records"),
)
_COMPILED = tuple((re.compile(pattern), name) for pattern, name in _KINDS)
_NUMBER = re.compile("[0-9]+")


def code_of(reason: str) -> str:
    """Name the kind of a problem by its reason.

    Parameters
    ----------
    reason : str
        What is wrong, as printed.

    Returns
    -------
    str
        A short name in lower case with hyphens; ``other`` for a reason that is not known.
    """
    # Reasons of one kind differ mostly in their numbers, so that without them few are new.
    return _kind(_NUMBER.sub("0", reason))


@lru_cache(maxsize=4096)
def _kind(reason: str) -> str:
    return next((name for pattern, name in _COMPILED if pattern.search(reason)), UNNAMED)
