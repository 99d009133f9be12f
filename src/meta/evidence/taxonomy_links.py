"""How an item of a taxonomy names the rows that instantiate it: `links` and `units`."""

from __future__ import annotations

from dataclasses import dataclass

from meta.evidence.screening import NUMBERED, FilterError
from meta.evidence.suggestion import did_you_mean

#: Tables whose columns an item may be linked to.
LINKED = ("arms", "cases", "codings", "contrasts")


@dataclass(frozen=True)
class Link:
    """Values of one column of the evidence, any of which instantiates an item."""

    table: str
    column: str
    values: tuple[str, ...]

    @property
    def filter(self) -> str:
        """The condition as `meta.evidence.screening.counted_rows` reads it."""
        return f"{self.column}={'|'.join(self.values)}"


def read_links(text: str) -> list[Link]:
    """Read the links of an item.

    Parameters
    ----------
    text : str
        ``table.column=value|value``, separated by semicolons.

    Returns
    -------
    list of Link
        In the order of the text.

    Raises
    ------
    FilterError
        If a part is not of that form, or names another table.
    """
    return [_link(part) for part in _parts(text)]


def _link(part: str) -> Link:
    place, sign, listed = (side.strip() for side in part.partition("="))
    table, point, column = (side.strip() for side in place.partition("."))
    values = tuple(value.strip() for value in listed.split("|"))
    if not (sign and point and column and all(values)):
        remedy = "write it as table.column=value, such as codings.shift_type=extreme"
        raise FilterError(f"the link {part!r} has no table, column and value", remedy)
    if table not in LINKED:
        reason = f"the link {part!r} is to another table than {', '.join(LINKED)}"
        raise FilterError(reason, did_you_mean(table, LINKED).removeprefix("; "))
    return Link(table, column, values)


@dataclass(frozen=True)
class Units:
    """Names of arms or cases: one, or all numbers between two."""

    first: str
    last: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names that are written."""
        return (self.first,) if self.first == self.last else (self.first, self.last)

    @property
    def choice(self) -> str:
        """The names as `meta.evidence.screening.counted_rows` reads them."""
        return self.first if self.first == self.last else f"{self.first}..{self.last}"


def read_units(text: str) -> list[Units]:
    """Read the units of an item.

    Parameters
    ----------
    text : str
        Names, or ranges such as ``ARM001..ARM016``, separated by semicolons.

    Returns
    -------
    list of Units
        In the order of the text.

    Raises
    ------
    FilterError
        If a range does not run from a numbered name to a later one of the same kind.
    """
    return [_units(part) for part in _parts(text)]


def _units(part: str) -> Units:
    first, dots, last = (end.strip() for end in part.partition(".."))
    if not dots:
        return Units(first, first)
    ends = [NUMBERED.fullmatch(end) for end in (first, last)]
    if ends[0] is None or ends[1] is None or ends[0][1] != ends[1][1]:
        reason = f"the range {part!r} does not run between two numbered names"
        raise FilterError(reason, "write it as ARM001..ARM016")
    if int(ends[0][2]) > int(ends[1][2]):
        reason = f"the range {part!r} does not run between two numbered names in their order"
        raise FilterError(reason, f"write it as {last}..{first}")
    return Units(first, last)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]
