"""The declared map from a printed figure to the estimate that it is held against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

COMPARISONS = Path(__file__).with_name("comparisons.yaml")
#: What names the row of a pooled table.
ROW = ("model", "outcome", "group", "estimand")
Text = Annotated[str, Field(min_length=1)]
Scale = Literal["same", "reciprocal", "reduction"]
Relation = Literal["equal", "at_most"]


class ComparisonsError(ValueError):
    """A map that cannot be used: the message lists every problem."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Other(_Strict):
    """Another printed range, that a figure is divided by."""

    quantity: Text
    subject: Text


class Comparison(_Strict):
    """What claims of some quantities and subjects are held against.

    Attributes
    ----------
    quantities, subjects
        Of the claims; without subjects, every subject that no other comparison names.
    words
        The estimate in words.
    model, outcome, group, estimand
        Row of the pooled results; all or none.
    scale
        What is done to the estimate: nothing, its reciprocal, or one less it.
    relation
        Whether the figure is said to equal the estimate or can be no larger than it.
    of_failures
        Whether the figure is itself a share among failures, of which rows that were selected on
        failure can tell.
    ratio
        How printed ranges become a ratio: upper over lower end, or over another range.
    note
        What the comparison assumes.
    not_testable
        Why nothing can decide; an estimate named beside it is only shown.
    """

    quantities: Annotated[list[Text], Field(min_length=1)]
    subjects: list[Text] = []
    words: str = ""
    model: str = ""
    outcome: str = ""
    group: str = ""
    estimand: str = ""
    scale: Scale = "same"
    relation: Relation = "equal"
    of_failures: bool = False
    ratio: Literal["ends"] | Other | None = None
    note: str = ""
    not_testable: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Comparison:
        named = [getattr(self, part) for part in (*ROW, "words")]
        if any(named) and not all(named):
            raise ValueError(f"give all of {', '.join((*ROW, 'words'))}, or none")
        if not any(named) and not self.not_testable:
            raise ValueError("give an estimate, or not_testable with the reason")
        return self

    @property
    def compares(self) -> bool:
        """Whether an estimate is named."""
        return bool(self.model)

    def about(self, subject: str) -> Comparison:
        """Put a claim's subject where the comparison says ``{subject}``, spelled out in words."""
        filled = {p: getattr(self, p).replace("{subject}", subject) for p in ROW}
        words = self.words.replace("{subject}", subject.replace("_", " "))
        return self.model_copy(update={**filled, "words": words})


def parse_comparisons(content: object) -> list[Comparison]:
    """Validate the content of a map.

    Parameters
    ----------
    content
        A list of mappings, as read from YAML.

    Raises
    ------
    ComparisonsError
        If an entry has unknown keys or lacks what it needs, or two claim the same figure.
    """
    try:
        found = TypeAdapter(list[Comparison]).validate_python(content)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise ComparisonsError("comparisons of claims: " + "; ".join(lines)) from None
    pairs = list(_pairs(found))
    if twice := sorted(
        {f"{q} of {s or 'any subject'}" for q, s in pairs if pairs.count((q, s)) > 1}
    ):
        raise ComparisonsError(f"comparisons of claims: more than one for {', '.join(twice)}")
    return found


def _pairs(comparisons: Iterable[Comparison]) -> Iterator[tuple[str, str]]:
    for each in comparisons:
        for quantity in each.quantities:
            yield from ((quantity, subject) for subject in each.subjects or [""])


@cache
def load_comparisons() -> tuple[Comparison, ...]:
    """Read the shipped map."""
    return tuple(parse_comparisons(yaml.safe_load(COMPARISONS.read_text(encoding="utf-8"))))


def comparison_of(
    comparisons: Iterable[Comparison], quantity: str, subject: str
) -> Comparison | None:
    """Find what a figure is held against, its subject filled in; None where nothing is declared."""
    general = None
    for each in comparisons:
        if quantity in each.quantities:
            if subject in each.subjects:
                return each.about(subject)
            general = each if not each.subjects else general
    return general.about(subject) if general else None


def compared_models() -> set[str]:
    """Names of the models that the shipped map refers to."""
    return {each.model for each in load_comparisons() if each.compares}
