"""Settings and model specifications: read, merged with the shipped ones, and checked.

A settings file is data from a user: every problem is reported at once, with the nearest legal
key, and nothing runs until it is right.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from meta.chain_settings import Chain, ChainTask, harm_models
from meta.evidence.dictionary import load_dictionary
from meta.evidence.suggestion import did_you_mean
from meta.moderator_effects import Effect, effect_problems, moderator_effect, moderator_field
from meta.priors import Notoriety, PriorSet, Strict, parameters_with_priors
from meta.risk_settings import RiskModels, RiskSettings, risk_models
from meta.sensitivity_settings import SHORT_R_HAT, Multiverse, Sensitivity

STAGES = ("capability_transfer", "goal_failure", "harm")
#: Harm among all failures, where STAGES[-1] of a composition is harm among catalogued ones.
HARM_WITH_NOTORIETY = "harm_with_notoriety"
TARGET_TYPES = ("specification_gaming", "goal_misgeneralization")

Stage = Literal["capability_transfer", "goal_failure", "harm"]
Level = Literal["study", "agent_set", "arm", "source_list", "agent_family"]
Correlation = Annotated[float, Field(gt=-1, lt=1)]

#: What a rate model pools unless its filter says otherwise.
DENOMINATOR_FILTER: dict[str, list[str]] = {
    "role": ["main"],
    "failure_type": list(TARGET_TYPES),
    "sampling_frame": ["denominator"],
    "grade": ["A", "B", "C"],
}

#: Replicates of a complete calibration, of the primary model (True) and of any other.
CALIBRATION_REPLICATES = {True: 500, False: 200}


class Sampler(Strict):
    """Arguments of the No-U-Turn sampler."""

    chains: int = Field(4, ge=2, le=64)
    draws: int = Field(3000, ge=10)
    tune: int = Field(1000, ge=10)
    target_accept: float = Field(0.9, gt=0.5, lt=1)
    target_accept_retries: tuple[Annotated[float, Field(gt=0.5, lt=1)], ...] = (0.98, 0.995)
    max_depth: int = Field(10, ge=3, le=15)


class Gate(Strict):
    """Thresholds that a fit and every reported quantity must meet (Vehtari et al. 2021)."""

    r_hat: float = Field(1.01, gt=1)
    ess_bulk: float = Field(400, ge=0)
    ess_tail: float = Field(400, ge=0)
    mcse_over_sd: float = Field(0.05, gt=0)
    e_bfmi: float = Field(0.3, ge=0)
    divergences: int = Field(0, ge=0)
    max_depth_share: float = Field(0.0, ge=0, le=1)
    r_hat_imputation: float = Field(SHORT_R_HAT, gt=1)


class CodePrior(Strict):
    """Prior of a coder's confusion matrix: Dirichlet rows that favour the true code."""

    accuracy: float = Field(0.8, gt=0, lt=1)
    accuracy_adjudicated: float = Field(0.95, gt=0, lt=1)
    weight: float = Field(10, gt=0)
    decay: float = Field(0.5, gt=0, le=1)


class Codes(Strict):
    """Latent-code models, and the imputation of codes into the models that use them."""

    prior: CodePrior = CodePrior()
    accuracy_alternative: float = Field(0.6, gt=0, lt=1)
    draws: int = Field(2000, ge=10)
    imputations: int = Field(20, ge=2, le=1000)
    imputation_chains: int = Field(2, ge=2, le=64)
    imputation_draws: int = Field(500, ge=10)
    imputation_tune: int = Field(500, ge=10)


class FitChecks(Strict):
    """Checks of a fit against data: predictive checks, leave-one-study-out and influence."""

    draws: int = Field(1000, ge=100)
    draws_others: int = Field(400, ge=100)
    tail_probability: float = Field(0.005, gt=0, lt=0.5)
    refit_models: tuple[str, ...] = ("primary",)
    refit_draws: int = Field(1000, ge=10)
    refit_tune: int = Field(600, ge=10)
    refit_r_hat: float = Field(SHORT_R_HAT, gt=1)

    def refits(self, task: FitTask) -> bool:
        """Whether a model is refitted without studies, and so looked at most closely."""
        return task.model in self.refit_models or (
            task.spec.primary and "primary" in self.refit_models
        )


class ModelSpec(Strict):
    """One model: which rows, which stages, which likelihood, which levels."""

    primary: bool = False
    frame: Literal["denominator", "case_series", "contrasts"] = "denominator"
    stages: tuple[Stage, ...] = Field(min_length=1)
    likelihood: Literal["binomial", "beta_binomial"] = "beta_binomial"
    random_effects: Literal["normal", "student_t", "two_population"] = "normal"
    correlation: Literal["lkj", "independent"] | Correlation = "lkj"
    assumed_capable: bool = False
    levels: tuple[Level, ...] = ("study",)
    moderators: tuple[str, ...] = ()
    moderator_effects: dict[str, Effect] = Field(default_factory=dict)
    priors: str = "default"
    draws_factor: int = Field(1, ge=1, le=100)
    codes: Literal["imputed", "agreed"] = "imputed"
    notoriety: Notoriety | None = None
    filter: dict[str, list[str]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _scalars_in_filter_are_lists(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("filter"), dict):
            wrapped = {
                column: [str(v) for v in (value if isinstance(value, list) else [value])]
                for column, value in data["filter"].items()
            }
            data = {**data, "filter": wrapped}
        return data

    @model_validator(mode="after")
    def _consistent(self) -> ModelSpec:
        order = [STAGES.index(s) for s in self.stages]
        if order != sorted(set(order)):
            raise ValueError(f"stages must be distinct and in the order {', '.join(STAGES)}")
        if "harm" in self.stages and "goal_failure" not in self.stages:
            raise ValueError("the stage harm is conditional on goal_failure; list both")
        for name in ("levels", "moderators"):
            given = getattr(self, name)
            if len(set(given)) < len(given):
                raise ValueError(f"{name} lists something twice")
        if problems := effect_problems(self.moderators, self.moderator_effects, self.frame):
            raise ValueError("; ".join(problems))
        top = "source_list" if self.frame == "case_series" else "study"
        if top not in self.levels:
            raise ValueError(f"levels must hold {top}: rows of one {top} are not independent")
        if self.frame == "case_series" and set(self.levels) - {"source_list"}:
            raise ValueError("a composition of cases has the one level source_list")
        if self.frame == "denominator" and "source_list" in self.levels:
            raise ValueError("source_list is a level of case lists (frame: case_series) only")
        if self.random_effects == "two_population" and self.stages[-1] != "goal_failure":
            raise ValueError("two_population describes goal_failure, which must be the last stage")
        if (
            isinstance(self.correlation, float)
            and len(self.stages) == 3
            and self.correlation <= -0.5
        ):
            raise ValueError("three stages cannot all be correlated below -0.5")
        if self.likelihood == "beta_binomial" and "arm" in self.levels:
            raise ValueError("the beta-binomial already has an arm level (icc); drop arm")
        if self.frame == "contrasts":
            self._consistent_contrasts()
        if self.notoriety and not (self.frame == "case_series" and "harm" in self.stages):
            raise ValueError("notoriety is of the stage harm of catalogued cases only")
        return self

    def _consistent_contrasts(self) -> None:
        for wrong, reason in (
            (self.stages != ("goal_failure",), "are of the one stage goal_failure"),
            ("agent_set" in self.levels, "have the levels study and, if binomial, arm"),
            (self.moderators, "have interventions, not moderators"),
            (self.random_effects != "normal", "have normal random effects"),
        ):
            if wrong:
                raise ValueError(f"contrasts {reason}")

    @property
    def top_level(self) -> str:
        """Name of the level whose units are independent."""
        return "source_list" if self.frame == "case_series" else "study"

    @property
    def coded_fields(self) -> tuple[str, ...]:
        """Codebook fields that the model reads: outcomes of cases, and coded moderators."""
        tables = load_dictionary().tables
        coded = tables["codings"].fields
        own = ("cases",) if self.frame == "case_series" else ("arms", "studies")
        # A case is eligible for a stage if it passed every earlier one, in the model or not.
        last = STAGES.index(self.stages[-1]) + 1
        outcomes = STAGES[:last] if self.frame == "case_series" else ()
        moderators = [
            name
            for name in self.moderators
            if name in coded
            and coded[name].values
            and not any(name in tables[t].fields for t in own)
        ]
        return tuple(dict.fromkeys([*outcomes, *moderators]))

    def effect(self, moderator: str, numeric: bool | None = None) -> Effect | None:
        """Shape of a moderator's effect (see `meta.moderator_effects.moderator_effect`)."""
        return moderator_effect(moderator, self.moderator_effects, self.frame, numeric)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Parameters that have a prior; of levels that the rows turn out not to have, too."""
        fields = {name: moderator_field(name, self.frame) for name in self.moderators}
        numeric = {n for n, f in fields.items() if f is None or f.type in ("integer", "number")}
        effects = {name: self.effect(name) for name in self.moderators}
        return parameters_with_priors(self.model_dump(), effects, numeric)

    @property
    def imputes(self) -> bool:
        """Whether the model is fitted to imputed code sets."""
        return bool(self.coded_fields) and self.codes == "imputed"

    @property
    def row_filter(self) -> dict[str, list[str]]:
        """Filter in force: the defaults of a rate model with the spec's own on top."""
        base = {} if self.frame == "case_series" else dict(DENOMINATOR_FILTER)
        if self.frame == "contrasts":
            del base["role"]  # an arm is in a model for its contrast, whatever its role
        return {**base, **self.filter}


class Settings(Strict):
    """Everything that a run depends on besides evidence and code."""

    seed: int = Field(20261121, ge=0)
    ci_prob: float = Field(0.95, gt=0.5, lt=1)
    exceedance: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.1, 0.5)
    sampler: Sampler = Sampler()
    gate: Gate = Gate()
    priors: dict[str, PriorSet] = Field(default_factory=lambda: {"default": PriorSet()})
    codes: Codes = Codes()
    checks: FitChecks = FitChecks()
    sensitivity: Sensitivity = Sensitivity()
    multiverse: Multiverse = Multiverse()
    chain: Chain = Chain()
    risk: RiskSettings = RiskSettings()
    models: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], ModelSpec] = Field(
        min_length=1
    )

    @model_validator(mode="after")
    def _references(self) -> Settings:
        primaries = [name for name, spec in self.models.items() if spec.primary]
        if len(primaries) != 1:
            raise ValueError(
                f"exactly one model must have primary: true; found {len(primaries)}"
                + (f" ({', '.join(primaries)})" if primaries else "")
            )
        if len({f"{x:g}" for x in self.exceedance}) < len(self.exceedance):
            raise ValueError("exceedance lists a rate twice")
        if self.models[primaries[0]].frame != "denominator":
            raise ValueError("the primary model must be a rate model (frame: denominator)")
        for name, spec in self.models.items():
            if spec.priors not in self.priors:
                raise ValueError(
                    f"models.{name}.priors: no prior set is named {spec.priors!r}"
                    + did_you_mean(spec.priors, self.priors)
                )
        known = ["primary", *self.models]
        if wrong := [name for name in self.checks.refit_models if name not in known]:
            raise ValueError(
                f"checks.refit_models: no model is named {wrong[0]!r}"
                + did_you_mean(wrong[0], known)
            )
        for where, names in (
            ("sensitivity.priors", self.sensitivity.priors),
            ("multiverse.priors", self.multiverse.priors),
        ):
            for name in set(names) - set(self.priors):
                raise ValueError(
                    f"{where}: no prior set is named {name!r}" + did_you_mean(name, self.priors)
                )
        for name in self.sensitivity.models:
            if name not in self.models:
                raise ValueError(
                    f"sensitivity.models: no model is named {name!r}"
                    + did_you_mean(name, self.models)
                )
            if self.models[name].frame != "denominator" or self.models[name].imputes:
                raise ValueError(
                    f"sensitivity.models: {name} is no rate model with one analysis set; models "
                    "that read imputed codes or catalogued cases have no such analyses"
                )
        return self

    def alternative_priors(self, model: str, name: str) -> PriorSet:
        """Prior set of a model with what a named set states in place of its own."""
        own, named = self.priors[self.models[model].priors], self.priors[name]
        return own.model_copy(update={key: getattr(named, key) for key in named.model_fields_set})

    @property
    def sensitivity_models(self) -> tuple[str, ...]:
        """Models whose sensitivity is analysed: those named, or the primary."""
        if self.sensitivity.models:
            return self.sensitivity.models
        return () if self.models[self.primary].imputes else (self.primary,)

    @property
    def chains(self) -> dict[str, ChainTask]:
        """Tasks of the chains with harm, by the model whose rates are joined to it."""
        joined = harm_models(self.models).items()
        return {rates: self.chain_task(rates, harm) for rates, harm in joined}

    @property
    def risk_models(self) -> RiskModels | None:
        """Models that the risk of a profile is taken from; None where it cannot be."""
        return risk_models(self.models)

    def chain_task(self, rates: str, harm: str) -> ChainTask:
        """What the chain of two models depends on besides their fits."""
        notoriety = self.models[harm].notoriety
        assert notoriety is not None
        return ChainTask(
            rates=rates,
            harm=harm,
            notoriety=notoriety,
            transport=self.chain.transport,
            eta=self.priors[self.models[rates].priors].correlation.eta,
            correlations=self.sensitivity.correlations,
            draws=self.chain.draws,
            seed=self.seed,
        )

    @property
    def primary(self) -> str:
        """Name of the primary model."""
        return next(name for name, spec in self.models.items() if spec.primary)

    def task(self, model: str) -> FitTask:
        """Settings that the fit of one model depends on, and nothing else."""
        spec = self.models[model]
        return FitTask(
            model=model,
            spec=spec,
            priors=self.priors[spec.priors],
            sampler=self.sampler.model_copy(
                update={"draws": self.sampler.draws * spec.draws_factor}
            ),
            seed=self.seed,
            codes=self.codes if spec.imputes else None,
        )


class CodesTask(Strict):
    """What the latent codes depend on besides the codings."""

    codes: Codes
    sampler: Sampler
    seed: int
    gate: Gate


class FitTask(Strict):
    """One model to fit: enough, with its rows, to redo the fit."""

    model: str
    spec: ModelSpec
    priors: PriorSet
    sampler: Sampler
    seed: int
    codes: Codes | None = None

    @property
    def imputation_sampler(self) -> Sampler:
        """Sampler of one imputed code set: its own chains and draws, the rest as everywhere."""
        if self.codes is None:
            return self.sampler
        return self.sampler.model_copy(
            update={
                "chains": self.codes.imputation_chains,
                "draws": self.codes.imputation_draws * self.spec.draws_factor,
                "tune": self.codes.imputation_tune,
            }
        )

    @property
    def spec_hash(self) -> str:
        """SHA-256 of the model's specification and its own priors (not of sampler or seed)."""
        text = json.dumps(
            {
                "spec": self.spec.model_dump(exclude={"draws_factor"}),
                # The dictionary decides where the specification does not say.
                "effects": {name: self.spec.effect(name) for name in self.spec.moderators},
                # A prior of parameters that the model does not have changes nothing.
                "priors": self.priors.model_dump(include=set(self.spec.parameters)),
            },
            sort_keys=True,
        )
        return hashlib.sha256(text.encode()).hexdigest()
