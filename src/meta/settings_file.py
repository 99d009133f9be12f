"""Settings read from files: the shipped ones with an evidence base's own on top."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from meta.chain_settings import Chain
from meta.config import (
    CodePrior,
    Codes,
    FitChecks,
    Gate,
    ModelSpec,
    Sampler,
    Settings,
)
from meta.errors import SettingsError
from meta.evidence.suggestion import did_you_mean
from meta.priors import (
    Beta,
    Dirichlet,
    Gamma,
    HalfCauchy,
    HalfNormal,
    Lkj,
    Normal,
    Notoriety,
    PriorSet,
)
from meta.report.site import taken_names
from meta.risk_settings import NewCases, NewStudies, NotorietyStudy, RiskSettings
from meta.sensitivity_settings import Multiverse, Sensitivity


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
    taken = list(_taken_names(merged))
    problems: list[str] = []
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        problems = [_explain(e) for e in error.errors()]
    if problems or taken:
        where = "config/config.yaml" if own.is_file() else "the shipped config/config.yaml"
        raise SettingsError("\n".join(f"{where}: {each}" for each in [*problems, *taken]))
    return settings


def _taken_names(content: Mapping[str, Any]) -> Iterator[str]:
    """Say which models are called like something that has a folder where theirs would be."""
    models = content.get("models")
    for name, folder in taken_names().items():
        if isinstance(models, Mapping) and name in models:
            yield (
                f"models.{name}: {folder}/ is kept for something else of that name: give the "
                "model another one"
            )


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
                "checks": FitChecks,
                "sensitivity": Sensitivity,
                "multiverse": Multiverse,
                "chain": Chain,
                "risk": RiskSettings,
            }.get(str(step))
        elif model is RiskSettings:
            parts = (NewStudies, NewCases, NotorietyStudy)
            model = dict(zip(RiskSettings.model_fields, parts, strict=False)).get(str(step))
            break
        elif model is Codes and str(step) == "prior":
            model = CodePrior
            break
        elif model is Chain and str(step) == "transport":
            model = Normal
            break
        elif model is ModelSpec and str(step) == "notoriety":
            model = Notoriety
            break
        elif model is PriorSet and str(step) in PriorSet.model_fields:
            kinds = {"normal": Normal, "half_normal": HalfNormal, "half_cauchy": HalfCauchy}
            last = str(location[-2])
            others = {"icc": Beta, "correlation": Lkj, "df": Gamma, "simplex": Dirichlet}
            model = kinds.get(last) or others.get(str(step), Normal)
            break
    return list(model.model_fields) if model else []


def _explain(error: Any) -> str:
    location: tuple[int | str, ...] = error["loc"]
    path = ".".join(str(step) for step in location) or "settings"
    if error["type"] == "extra_forbidden":
        near = did_you_mean(str(location[-1]), _fields_at(location))
        return f"{path}: unknown key{near}"
    message = error["msg"].removeprefix("Value error, ")
    given = error.get("input")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float) else ""
    return f"{path}: {message}{shown}"
