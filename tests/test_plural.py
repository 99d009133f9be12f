"""Numbers of things in words."""

import pytest

from meta.plural import counted


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (1, "row", "1 row"),
        (0, "row", "0 rows"),
        (2, "arm", "2 arms"),
        (1457, "disagreement", "1,457 disagreements"),
        (1, "study", "1 study"),
        (3, "study", "3 studies"),
        (2, "day", "2 days"),
        (2, "pooled number", "2 pooled numbers"),
        (2, "box", "2 boxes"),
        (2, "class", "2 classes"),
    ],
)
def test_a_noun_follows_its_number(number: int, noun: str, said: str) -> None:
    assert counted(number, noun) == said
