"""Prior distributions in words, in mathematics and as draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Numbers = Mapping[str, float]
Sampler = Callable[[np.random.Generator, Numbers, int], np.ndarray]


@dataclass(frozen=True)
class Family:
    """How one family of distributions is said, written and drawn from.

    Attributes
    ----------
    words, latex
        Templates over the distribution's numbers by name.
    draw
        Draws of one scalar: generator, numbers and count to shape (count,).
    """

    words: str
    latex: str
    draw: Sampler


def _partial_correlation(rng: np.random.Generator, p: Numbers, n: int) -> np.ndarray:
    """Draw the correlation of two stages: LKJ(eta) of a 2 x 2 matrix is 2 Beta(eta, eta) - 1."""
    return 2 * rng.beta(p["eta"], p["eta"], n) - 1


FAMILIES: dict[str, Family] = {
    "normal": Family(
        "normal, mean {mu:g}, sd {sigma:g}",
        r"\text{{Normal}}({mu:g}, {sigma:g}^2)",
        lambda rng, p, n: rng.normal(p["mu"], p["sigma"], n),
    ),
    "half_normal": Family(
        "half-normal, scale {sigma:g}",
        r"\text{{HalfNormal}}({sigma:g})",
        lambda rng, p, n: np.abs(rng.normal(0, p["sigma"], n)),
    ),
    "half_cauchy": Family(
        "half-Cauchy, scale {beta:g}",
        r"\text{{HalfCauchy}}({beta:g})",
        lambda rng, p, n: np.abs(p["beta"] * rng.standard_cauchy(n)),
    ),
    "beta": Family(
        "beta, with parameters {alpha:g} and {beta:g}",
        r"\text{{Beta}}({alpha:g}, {beta:g})",
        lambda rng, p, n: rng.beta(p["alpha"], p["beta"], n),
    ),
    "gamma": Family(
        "{above:g} plus gamma, shape {alpha:g}, rate {beta:g}",
        r"{above:g} + \text{{Gamma}}({alpha:g}, {beta:g})",
        lambda rng, p, n: p["above"] + rng.gamma(p["alpha"], 1 / p["beta"], n),
    ),
    "lkj": Family("LKJ, shape {eta:g}", r"\text{{LKJ}}({eta:g})", _partial_correlation),
    "dirichlet": Family(
        "symmetric Dirichlet, concentration {concentration:g}",
        r"\text{{Dirichlet}}({concentration:g}, \dots, {concentration:g})",
        lambda rng, p, n: rng.dirichlet([p["concentration"]] * 2, n)[:, 0],
    ),
}


def in_words(prior: Mapping[str, Any]) -> str:
    """Say a prior in words; one of an unknown family by its name and numbers.

    Parameters
    ----------
    prior
        As in the settings: `distribution`, and its numbers by name.
    """
    family = FAMILIES.get(str(prior["distribution"]))
    if family is None:
        numbers = ", ".join(f"{key} {value}" for key, value in _numbers(prior).items())
        return f"{prior['distribution']} ({numbers})".replace("_", " ")
    return family.words.format(**_numbers(prior))


def in_latex(prior: Mapping[str, Any]) -> str:
    """Write a prior in LaTeX; one of an unknown family by its name and numbers."""
    family = FAMILIES.get(str(prior["distribution"]))
    if family is None:
        numbers = ", ".join(str(value) for value in _numbers(prior).values())
        name = str(prior["distribution"]).replace("_", " ")
        return rf"\text{{{name}}}({numbers})"
    return family.latex.format(**_numbers(prior))


def draw(prior: Mapping[str, Any], rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw scalars from a prior, shape (count,).

    Of an LKJ prior this is the correlation of two stages, of a Dirichlet the first of two shares.

    Raises
    ------
    KeyError
        If the family is unknown.
    """
    return np.asarray(FAMILIES[str(prior["distribution"])].draw(rng, _numbers(prior), count))


def _numbers(prior: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in prior.items() if key not in {"distribution", "offsets"}}
