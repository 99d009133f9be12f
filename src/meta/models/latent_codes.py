r"""Latent codes: the true code of a unit, of which each coder saw an image.

For item i of group g with true code z, coder j answers the clear code v:

.. math::
    z_i \sim \mathrm{Categorical}(\pi_g), \qquad
    y_{ij} \mid z_i = k \sim \mathrm{Categorical}(\theta_{jk})

(Dawid & Skene 1979, doi:10.2307/2346806; Bayesian comparison: Paun et al. 2018,
doi:10.1162/tacl_a_00040). z is summed out, over distinct patterns of answers, so that cost follows
patterns and not units.

`unclear` is never a true code, and saying it tells nothing about which code is true: its
probability belongs to the coder and cancels. Were it free to differ by true code, the rarest code
would be taken over by the units that every coder calls unclear, of which no coder ever said so
(fitted to the shipped evidence: two modes, and cases that all call unclear became sure `no`s).

Coders err alike where a text misleads. The model takes their errors as independent given z, so
its posterior is surer than it should be where coders share a source of error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from meta.config import CodePrior
from meta.evidence.codes import ADJUDICATOR
from meta.evidence.responses import Responses


@dataclass(frozen=True)
class Patterns:
    """Distinct patterns of group and clear answers.

    Attributes
    ----------
    answers
        Shape (P, J): index of the class; K where the coder gave no clear answer.
    group
        Length P.
    items
        Number of items that show the pattern, length P.
    member
        Pattern of each item, length I.
    """

    answers: np.ndarray
    group: np.ndarray
    items: np.ndarray
    member: np.ndarray


def patterns_of(responses: Responses) -> Patterns:
    """Aggregate the items of a field to distinct patterns."""
    classes = len(responses.classes)
    clear = (responses.item_answers >= 0) & (responses.item_answers < classes)
    answers = np.where(clear, responses.item_answers, classes)
    both = np.column_stack([responses.item_group, answers])
    distinct, member, count = np.unique(both, axis=0, return_inverse=True, return_counts=True)
    return Patterns(distinct[:, 1:], distinct[:, 0], count, member.ravel())


def confusion_prior(
    classes: int,
    coders: list[str],
    prior: CodePrior,
    ordinal: bool,
    accuracy: float | None = None,
    places: np.ndarray | None = None,
) -> np.ndarray:
    """Dirichlet concentrations of every coder's clear answers given the true code.

    Parameters
    ----------
    classes
        Number K of true codes.
    coders
        Names; the adjudicator has an accuracy of its own.
    prior
        Settings: mean accuracy, weight in answers, decay of errors with distance.
    ordinal
        Whether errors are likelier the nearer they are: by `prior.decay` a step.
    accuracy
        Mean accuracy of the coders in place of the setting's (sensitivity analysis).
    places
        Place of each true code in its vocabulary, length K, so that codes that nobody used count
        as steps; by default the codes follow one another.

    Returns
    -------
    numpy.ndarray
        Shape (J, K, K).
    """
    k = np.arange(classes) if places is None else places
    distance = np.abs(k[:, None] - k[None, :])
    error = np.where(distance > 0, prior.decay ** (distance - 1.0) if ordinal else 1.0, 0.0)
    error = error / error.sum(axis=1, keepdims=True)
    concentrations = np.empty((len(coders), classes, classes))
    for j, coder in enumerate(coders):
        right = accuracy or prior.accuracy
        right = max(right, prior.accuracy_adjudicated) if coder == ADJUDICATOR else right
        concentrations[j] = right * np.eye(classes) + (1 - right) * error
    return concentrations * prior.weight


@dataclass(frozen=True)
class Shape:
    """Sizes that a compiled model is made for: at least those of each field fitted with it."""

    patterns: int
    groups: int
    coders: int
    classes: int


def model_data(
    patterns: Patterns, concentration: np.ndarray, shape: Shape
) -> dict[str, np.ndarray]:
    """Data of one field, padded to the sizes of a compiled model.

    Parameters
    ----------
    patterns
        Patterns of answers.
    concentration
        Prior of the confusion matrices, shape (J, K, K).
    shape
        Sizes to pad to.

    Returns
    -------
    dict of str to numpy.ndarray
        `answers`, `group`, `items`, `concentration` and `used` (1 for a class of the field).
    """
    coders, classes, _ = concentration.shape
    count = len(patterns.items)
    answers = np.full((shape.patterns, shape.coders), shape.classes)
    clear = patterns.answers < classes
    answers[:count, :coders] = np.where(clear, patterns.answers, shape.classes)
    prior = np.ones((shape.coders, shape.classes, shape.classes))
    prior[:coders, :classes, :classes] = concentration
    group, items = np.zeros(shape.patterns, np.int64), np.zeros(shape.patterns)
    group[:count], items[:count] = patterns.group, patterns.items
    used = (np.arange(shape.classes) < classes).astype(float)
    return {
        "answers": answers, "group": group, "items": items, "concentration": prior, "used": used,
    }  # fmt: skip


def build_latent_codes(data: dict[str, np.ndarray], groups: int) -> pm.Model:
    """Build the latent-code model of one field.

    Parameters
    ----------
    data
        See `model_data`. All of it is data of the model, so that every field that fits into the
        same sizes shares one compilation.
    groups
        Number G of populations.

    Returns
    -------
    pymc.Model
        Parameters `prevalence` (G, K) and `confusion` (J, K, K). Classes that a field does not
        have are left out by renormalising: the part of a Dirichlet vector that is left is again
        Dirichlet, with its own concentrations (Aitchison 1982,
        doi:10.1111/j.2517-6161.1982.tb01195.x).
    """
    coders, classes, _ = data["concentration"].shape
    with pm.Model() as model:
        given = {name: pm.Data(name, values) for name, values in data.items()}
        used = given["used"]
        prevalence = pm.Dirichlet("prevalence", np.ones((groups, classes)))
        confusion = pm.Dirichlet(
            "confusion", given["concentration"], shape=(coders, classes, classes)
        )
        absent = -1e4 * (1 - used)
        joint = (pt.log(prevalence) - pt.log(pt.dot(prevalence, used))[:, None] + absent)[
            given["group"]
        ]
        for j in range(coders):
            clear = pt.log(confusion[j]) - pt.log(pt.dot(confusion[j], used))[:, None]
            # One further, certain answer stands for coders who gave no clear one.
            answer = pt.concatenate([clear, pt.zeros((classes, 1))], axis=1)
            joint = joint + answer.T[given["answers"][:, j]]
        pm.Potential("patterns", pt.sum(given["items"] * pt.logsumexp(joint, axis=1)))
    return model


def unpadded(values: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """Leave out padding from draws of probability vectors, and renormalise.

    Parameters
    ----------
    values
        Shape (D, ..., K padded).
    sizes
        Sizes to keep of every axis after the first.
    """
    kept = values[(slice(None), *(slice(size) for size in sizes))]
    return np.asarray(kept / kept.sum(axis=-1, keepdims=True))


def code_probabilities(
    prevalence: np.ndarray, confusion: np.ndarray, patterns: Patterns
) -> np.ndarray:
    """Probability of each true code given the answers, for each draw of the parameters.

    Parameters
    ----------
    prevalence
        Shape (D, G, K).
    confusion
        Shape (D, J, K, K).
    patterns
        Patterns of answers.

    Returns
    -------
    numpy.ndarray
        Shape (D, P, K), by Bayes' rule; sums to one over the last axis.
    """
    logs = np.log(np.maximum(prevalence[:, patterns.group], 1e-300))
    for j in range(patterns.answers.shape[1]):
        said = np.flatnonzero(patterns.answers[:, j] < prevalence.shape[2])
        part = np.log(np.maximum(confusion[:, j][:, :, patterns.answers[said, j]], 1e-300))
        logs[:, said] += np.swapaxes(part, 1, 2)
    logs -= logs.max(axis=2, keepdims=True)
    weight = np.exp(logs)
    return np.asarray(weight / weight.sum(axis=2, keepdims=True))


def draw_codes(
    probabilities: np.ndarray, member: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw the true code of every item from one draw of the parameters.

    Parameters
    ----------
    probabilities
        Of one draw, shape (P, K).
    member
        Pattern of each item, length I.
    rng
        Random numbers.

    Returns
    -------
    numpy.ndarray
        Index of the class, length I.
    """
    cumulated = probabilities.cumsum(axis=1)[member]
    u = rng.random(len(member))[:, None] * cumulated[:, -1:]
    return np.asarray((u >= cumulated).sum(axis=1))


def label_margin(confusion: np.ndarray) -> float:
    """How far the classes keep their names: above zero unless labels have switched.

    For each true code, the coders' mean probability of answering it less that of the likeliest
    other answer, at the posterior mean; the smallest over true codes.

    Parameters
    ----------
    confusion
        Draws, shape (D, J, K, K).
    """
    mean = confusion.mean(axis=(0, 1))
    others = np.where(np.eye(len(mean), dtype=bool), -np.inf, mean).max(axis=1)
    return float((np.diag(mean) - others).min())
