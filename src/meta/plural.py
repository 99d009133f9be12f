"""Numbers of things in words: `1 row`, `2 rows`, `1,457 studies`."""


def counted(number: int, noun: str) -> str:
    """Join a number and the noun that it counts.

    Parameters
    ----------
    number : int
        How many.
    noun : str
        In the singular; the last word is the one that takes the plural.

    Returns
    -------
    str
        The number with commas between thousands, and the noun in the number that it asks for.
    """
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def counted_on_average(number: int, rows: int, noun: str) -> str:
    """Join a number, averaged over imputed code sets and rounded, and the noun that it counts.

    Parameters
    ----------
    number : int
        How many.
    rows : int
        Rows that they have. With none of the things and yet some rows, the average is below half:
        few code sets have one here.
    noun : str
        In the singular.
    """
    return f"<1 {noun}" if rows and not number else counted(number, noun)


def plural(noun: str) -> str:
    """Give the plural of a noun that has a regular one."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
