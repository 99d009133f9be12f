r"""New measurements that have not been made: what they would give under each draw of the posterior.

Data are drawn from the model: effects of new studies with the spread and correlation of the stages,
agent sets about their study, counts of arms binomial or beta-binomial. Each set of data is reduced
to a few statistics, on which the risk is then regressed (Strong, Oakley, Brennan & Breeze 2015,
doi:10.1177/0272989X15575286): means and standard deviations over studies of empirical logits. What
the statistics leave out is lost, so that the value found is at most a little too low.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from meta.estimands.harm_chain import STAGES
from meta.inference.seeds import child_seed
from meta.risk.basis import Basis, Setting
from meta.risk.evidence import design_rows
from meta.risk.scenarios import JUDGEMENT
from meta.risk.support import level_basis
from meta.risk_settings import PROFILE_FIELDS, NewCases, NewStudies, NotorietyStudy, RiskSettings

BY_STAGE, ALL_TRIALS, CASES, NOTORIETY = "by_stage", "all_trials", "cases", "notoriety"


@dataclass(frozen=True)
class Measurement:
    """One way to measure more.

    Attributes
    ----------
    kind
        `BY_STAGE`: studies that count capability, and goal failures given it; `ALL_TRIALS`: studies
        that count goal failures among all trials; `CASES`: catalogued failures with their harm;
        `NOTORIETY`: a study of which failures get written up.
    field, level
        Moderator and level at which it is made, the others as in the evidence; empty for
        `NOTORIETY`.
    k_now
        Studies (of cases: lists) that have the level now, on average over code sets.
    simulate
        Statistics of the data under each draw, shape (D, q), given a seed.
    known
        Parameters that no amount of such data could tell more than, shape (D, q).
    basis
        What is known now of what would be measured rests on.
    """

    kind: str
    field: str
    level: str
    k_now: float
    simulate: Callable[[int], np.ndarray]
    known: np.ndarray
    basis: str

    @property
    def name(self) -> str:
        """Its name, unique among measurements."""
        return f"{self.kind}:{self.field}={self.level}" if self.field else self.kind


def measurements(basis: Basis, settings: RiskSettings) -> list[Measurement]:
    """Everything that may be measured next.

    Returns
    -------
    list of Measurement
        Studies of both kinds at each shift type, studies by stage at each level of each other
        moderator, cases at each shift type that the model of harm has, a study of notoriety.
    """
    found = []
    for setting in basis.rates:
        kinds = (BY_STAGE, ALL_TRIALS) if setting.field == PROFILE_FIELDS["shift"] else (BY_STAGE,)
        for level, k_now in zip(setting.levels, setting.k_studies, strict=True):
            for kind in kinds:
                found.append(_of_studies(kind, basis, setting, level, k_now, settings.new_studies))
    for setting in basis.harm:
        if setting.field == PROFILE_FIELDS["shift"]:
            for level, k_now in zip(setting.levels, setting.k_studies, strict=True):
                found.append(_of_cases(basis, setting, level, k_now, settings.new_cases))
    found.append(_of_notoriety(basis, settings.notoriety_study))
    return found


def _of_studies(
    kind: str, basis: Basis, setting: Setting, level: str, k_now: float, size: NewStudies
) -> Measurement:
    draws = basis.chain.rates
    x = _at(basis.rate_x, basis.rates, setting, level)
    location = draws.location + np.einsum("dp,dpo->do", x, draws.slope)

    def simulate(seed: int) -> np.ndarray:
        counts = study_counts(
            location, draws.tau, draws.factor, draws.inner, draws.icc, size, seed,
            given_capability=kind == BY_STAGE,
        )  # fmt: skip
        return study_statistics(*counts) if kind == BY_STAGE else rate_statistics(*counts[::2])

    parts = [location, draws.tau, draws.inner, draws.factor[:, 1, :1]]
    known = np.concatenate(parts if draws.icc is None else [*parts, draws.icc], axis=1)
    rests = level_basis(_name(setting), level, basis, STAGES[:2])
    return Measurement(kind, setting.field, level, k_now, simulate, known, rests)


def _of_cases(
    basis: Basis, setting: Setting, level: str, k_now: float, size: NewCases
) -> Measurement:
    chain = basis.chain
    x = _at(basis.harm_x, basis.harm, setting, level)
    judged = np.broadcast_to(np.asarray(chain.notoriety) - np.asarray(chain.transport), len(x))
    # What is catalogued is harm before notoriety is taken off and transport added.
    location = chain.harm.location[:, 0] + judged
    location = location + np.einsum("dp,dp->d", x, chain.harm.slope[:, :, 0])
    tau = chain.harm.tau[:, 0]

    def simulate(seed: int) -> np.ndarray:
        return rate_statistics(*case_counts(location, tau, size, seed))

    rests, known = (
        level_basis(_name(setting), level, basis, STAGES[2:]),
        np.stack([location, tau], 1),
    )
    return Measurement(CASES, setting.field, level, k_now, simulate, known, rests)


def _of_notoriety(basis: Basis, size: NotorietyStudy) -> Measurement:
    count = len(basis.rate_x)
    odds_ratio = np.broadcast_to(np.asarray(basis.chain.notoriety, float), count)

    def simulate(seed: int) -> np.ndarray:
        rng = np.random.default_rng(child_seed(seed, NOTORIETY))
        half = size.failures // 2
        harmless = rng.binomial(half, size.written_up, count)
        harmful = rng.binomial(size.failures - half, expit(logit(size.written_up) + odds_ratio))
        found = empirical_logit(harmful, size.failures - half) - empirical_logit(harmless, half)
        return found[:, None]

    return Measurement(NOTORIETY, "", "", 0.0, simulate, odds_ratio[:, None], JUDGEMENT)


def _at(mean: np.ndarray, settings: tuple[Setting, ...], own: Setting, level: str) -> np.ndarray:
    """Design rows with one moderator at a level and the others at the evidence's mean."""
    return design_rows(mean, settings, {_name(own): ((level, 1.0),)})


def _name(setting: Setting) -> str:
    """Setting of a profile that a moderator is."""
    return next(n for n, field in PROFILE_FIELDS.items() if field == setting.field)


def study_counts(
    location: np.ndarray,
    tau: np.ndarray,
    factor: np.ndarray,
    inner: np.ndarray,
    icc: np.ndarray | None,
    size: NewStudies,
    seed: int,
    given_capability: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts of new studies under each draw, their arms added up.

    Parameters
    ----------
    location, tau, inner, icc
        Shape (D, 2), of capability and goal failure (see `meta.estimands.draws.Draws`).
    factor
        Cholesky factor of the stages' correlation, shape (D, 2, 2).
    size
        Studies, arms of each and trials of each arm. Every arm is an agent set of its own.
    seed
        Each study has a stream of its own: more studies repeat the first ones.
    given_capability
        Whether goal failures are counted given capability. If not, they are counted among all
        trials, with the variation of goal failure about the product of both rates; under a
        binomial model, whose arms have an effect in each stage here, as the product of both.

    Returns
    -------
    tuple
        Goal failures, capable trials and trials, each of shape (studies, D); capable trials are
        zero where nobody counts them.
    """
    failures, capable = (np.zeros((size.studies, len(location)), int) for _ in range(2))
    for study in range(size.studies):
        rng = np.random.default_rng(child_seed(seed, "study", str(study)))
        z = rng.standard_normal(location.shape)
        centre = location + tau * np.einsum("dij,dj->di", factor, z)
        for _ in range(size.arms):
            rate = expit(centre + inner * rng.standard_normal(location.shape))
            if given_capability:
                able = _counted(size.trials, rate[:, 0], _column(icc, 0), rng)
                capable[study] += able
                failures[study] += _counted(able, rate[:, 1], _column(icc, 1), rng)
            else:
                product = rate[:, 0] * rate[:, 1]
                failures[study] += _counted(size.trials, product, _column(icc, 1), rng)
    return failures, capable, np.full_like(failures, size.arms * size.trials)


def case_counts(
    location: np.ndarray, tau: np.ndarray, size: NewCases, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Harmful cases and cases of new lists under each draw, each of shape (lists, D).

    Parameters
    ----------
    location, tau
        Logit of harm among catalogued cases and its sd between lists, shape (D,).
    size
        Cases, shared by the lists as evenly as they can be.
    seed
        Each list has a stream of its own.
    """
    shares = np.full(size.lists, size.cases // size.lists)
    shares[: size.cases % size.lists] += 1
    harmful = []
    for number, cases in enumerate(shares):
        rng = np.random.default_rng(child_seed(seed, "list", str(number)))
        rate = expit(location + tau * rng.standard_normal(len(location)))
        harmful.append(rng.binomial(cases, rate))
    return np.stack(harmful), np.repeat(shares[:, None], len(location), axis=1)


def study_statistics(failures: np.ndarray, capable: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Statistics of both stages, shape (D, 4): mean and sd over studies of empirical logits."""
    return np.concatenate(
        [rate_statistics(capable, trials), rate_statistics(failures, capable)], axis=1
    )


def rate_statistics(events: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Mean and sd over units of empirical logits, from counts (units, D), shape (D, 2).

    A unit without trials has no part in them.
    """
    logits, seen = empirical_logit(events, trials), trials > 0
    count = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, logits, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(seen, logits - mean, 0) ** 2).sum(axis=0) / count)
    return np.stack([mean, spread], axis=1)


def empirical_logit(events: np.ndarray, trials: np.ndarray | int) -> np.ndarray:
    """Logit of a rate with half an event and half a non-event added to the counts."""
    return np.asarray(np.log((events + 0.5) / (trials - events + 0.5)))


def _column(icc: np.ndarray | None, stage: int) -> np.ndarray | None:
    return None if icc is None else icc[:, stage]


def _counted(
    trials: np.ndarray | int, rate: np.ndarray, icc: np.ndarray | None, rng: np.random.Generator
) -> np.ndarray:
    """Events of an arm: binomial, or beta-binomial with intra-class correlation `icc`."""
    if icc is not None:
        # numpy refuses zero shape parameters, which rates and correlations of 0 or 1 would give.
        rate, icc = np.clip(rate, 1e-12, 1 - 1e-12), np.clip(icc, 1e-12, 1 - 1e-12)
        size = (1 - icc) / icc
        rate = rng.beta(rate * size, (1 - rate) * size)
    return np.asarray(rng.binomial(trials, rate))
