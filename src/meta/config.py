"""Settings and model specifications: read, merged with the shipped ones, and checked.

A settings file is data from a user: every problem is reported at once, with the nearest legal
key, and nothing runs until it is right.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from meta.errors import SettingsError
from meta.evidence.dictionary import load_dictionary
from meta.evidence.suggestion import nearest
from meta.priors import (
    Beta,
    Gamma,
    HalfCauchy,
    HalfNormal,
    Lkj,
    Normal,
    Notoriety,
    PriorSet,
    Strict,
)  # fmt: skip

STAGES = ("capability_transfer", "goal_failure", "harm")
TARGET_TYPES = ("specification_gaming", "goal_misgeneralization")

Stage = Literal["capability_transfer", "goal_failure", "harm"]
Level = Literal["study", "agent_set", "arm", "source_list"]

#: What a rate model pools unless its filter says otherwise.
DENOMINATOR_FILTER: dict[str, list[str]] = {
    "role": ["main"],
    "failure_type": list(TARGET_TYPES),
    "sampling_frame": ["denominator"],
    "grade": ["A", "B", "C"],
}


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
    r_hat_imputation: float = Field(1.05, gt=1)


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


class ModelSpec(Strict):
    """One model: which rows, which stages, which likelihood, which levels."""

    primary: bool = False
    frame: Literal["denominator", "case_series", "contrasts"] = "denominator"
    stages: tuple[Stage, ...] = Field(min_length=1)
    likelihood: Literal["binomial", "beta_binomial"] = "beta_binomial"
    random_effects: Literal["normal", "student_t"] = "normal"
    levels: tuple[Level, ...] = ("study",)
    moderators: tuple[str, ...] = ()
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
        top = "source_list" if self.frame == "case_series" else "study"
        if top not in self.levels:
            raise ValueError(f"levels must hold {top}: rows of one {top} are not independent")
        if self.frame == "case_series" and set(self.levels) - {"source_list"}:
            raise ValueError("a composition of cases has the one level source_list")
        if self.frame == "denominator" and "source_list" in self.levels:
            raise ValueError("source_list is a level of case lists (frame: case_series) only")
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
    sampler: Sampler = Sampler()
    gate: Gate = Gate()
    priors: dict[str, PriorSet] = Field(default_factory=lambda: {"default": PriorSet()})
    codes: Codes = Codes()
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
        if self.models[primaries[0]].frame != "denominator":
            raise ValueError("the primary model must be a rate model (frame: denominator)")
        for name, spec in self.models.items():
            if spec.priors not in self.priors:
                raise ValueError(
                    f"models.{name}.priors: no prior set is named {spec.priors!r}"
                    + _did_you_mean(spec.priors, self.priors)
                )
        return self

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
        """SHA-256 of the model's specification and priors (not of sampler or seed)."""
        text = json.dumps(
            {
                "spec": self.spec.model_dump(exclude={"draws_factor"}),
                "priors": self.priors.model_dump(),
            },
            sort_keys=True,
        )
        return hashlib.sha256(text.encode()).hexdigest()


def shipped_path() -> Path:
    """Path of the shipped settings, config/config.yaml of this checkout."""
    return Path(__file__).resolve().parents[2] / "config" / "config.yaml"


def load_settings(directory: Path, overrides: dict[str, Any] | None = None) -> Settings:
    """Read the settings in force for one evidence base.

    Parameters
    ----------
    directory
        Evidence base; its ``config/config.yaml``, if any, holds what differs from the shipped file.
    overrides
        Further keys on top, as given on a command line.

    Raises
    ------
    SettingsError
        With every problem found: unreadable YAML, unknown keys (with the nearest legal one),
        values out of range, not exactly one primary model, a missing prior set.
    """
    merged = _read_yaml(shipped_path())
    own = directory / "config" / "config.yaml"
    if own.is_file() and own.resolve() != shipped_path():
        merged = _merge(merged, _read_yaml(own))
    if overrides:
        merged = _merge(merged, overrides)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        where = "config/config.yaml" if own.is_file() else "the shipped config/config.yaml"
        lines = [f"{where}: {_explain(e)}" for e in error.errors()]
        raise SettingsError("\n".join(lines)) from None


class _UniqueKeys(yaml.SafeLoader):
    """Safe loader that refuses a key given twice, of which YAML would keep the last in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not readable as YAML: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(
            f"{path}: expected `key: value` lines, found a {type(content).__name__}"
        )
    return content


def _merge(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Lay own over base: blocks key by key, but `models` and each prior set as a whole."""
    merged = dict(base)
    for key, value in own.items():
        if key != "models" and isinstance(value, dict) and isinstance(base.get(key), dict):
            merged[key] = {**base[key], **value}
        else:
            merged[key] = value
    return merged


def _did_you_mean(word: str, candidates: Any) -> str:
    near = nearest(str(word), [str(c) for c in candidates], cutoff=0.5)
    known = ", ".join(str(c) for c in candidates)
    return f"; did you mean {near}?" if near else f"; known: {known}"


def _fields_at(location: tuple[int | str, ...]) -> list[str]:
    """Legal keys beside the key that a validation error points at."""
    model: Any = Settings
    for step in location[:-1]:
        if model is Settings:
            model = {
                "sampler": Sampler,
                "gate": Gate,
                "priors": PriorSet,
                "models": ModelSpec,
                "codes": Codes,
            }.get(str(step))
        elif model is Codes and str(step) == "prior":
            model = CodePrior
            break
        elif model is ModelSpec and str(step) == "notoriety":
            model = Notoriety
            break
        elif model is PriorSet and str(step) in PriorSet.model_fields:
            kinds = {"normal": Normal, "half_normal": HalfNormal, "half_cauchy": HalfCauchy}
            last = str(location[-2])
            model = kinds.get(last) or {"icc": Beta, "correlation": Lkj, "df": Gamma}.get(
                str(step), Normal
            )
            break
    return list(model.model_fields) if model else []


def _explain(error: Any) -> str:
    location: tuple[int | str, ...] = error["loc"]
    path = ".".join(str(step) for step in location) or "settings"
    if error["type"] == "extra_forbidden":
        near = _did_you_mean(str(location[-1]), _fields_at(location))
        return f"{path}: unknown key{near}"
    message = error["msg"].removeprefix("Value error, ")
    given = error.get("input")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float) else ""
    return f"{path}: {message}{shown}"
