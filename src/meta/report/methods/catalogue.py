"""Checks and estimands as the methods page lists them: each from the one place that defines it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup

import meta.estimands
from meta.estimands import interventions
from meta.evidence.links import links
from meta.report.inputs import ReportInputs
from meta.report.methods.citations import linked
from meta.report.verdict import checks_of

CHECKS = Path(__file__).parent / "checks.yaml"
PACKAGE = Path(__file__).parents[2]
UNKNOWN = "Not in the catalogue of checks."


@dataclass(frozen=True)
class Listed:
    """A check: what it measures, where its threshold is from, and what it would catch."""

    name: str
    threshold: str
    source: str
    meaning: str
    catches: Markup


@dataclass(frozen=True)
class Definition:
    """Names that share a definition, and the definition."""

    names: tuple[str, ...]
    text: Markup


@cache
def catalogue() -> Mapping[str, Any]:
    """Read the catalogue of checks."""
    return dict(yaml.safe_load(CHECKS.read_text(encoding="utf-8")))


def gates(run: ReportInputs) -> list[Listed]:
    """Gating checks of the run's models, each with the thresholds that were applied.

    Parameters
    ----------
    run
        The stored results.
    """
    found: dict[str, tuple[str, dict[str, list[str]]]] = {}
    for fit in run.fits:
        for check in checks_of(fit):
            _, thresholds = found.setdefault(check.check, (check.meaning, {}))
            thresholds.setdefault(check.wanted, []).append(fit.name)
    listed = []
    for name, (meaning, thresholds) in found.items():
        several = len(thresholds) > 1
        shown = "; ".join(
            f"{value} ({', '.join(models)})" if several else value
            for value, models in thresholds.items()
        )
        # What follows the colon is of one fit.
        listed.append(
            Listed(name, shown, "diagnostics.csv", _general(name, meaning), catches(name))
        )
    return listed


def catches(name: str) -> Markup:
    """What a gating check would catch, by its name."""
    for pattern, entry in catalogue()["gates"].items():
        if fnmatchcase(name, pattern):
            return linked(entry["catches"])
    return Markup(UNKNOWN)


def analyses(settings: Mapping[str, Any]) -> list[Listed]:
    """Checks that warn or inform, with thresholds of the settings in force and of the code.

    Parameters
    ----------
    settings
        Settings in force, as a nested mapping; one that is not among them is said to be unknown.
    """
    return [
        Listed(each["name"], *_threshold(each, settings), "", linked(each["catches"]))
        for each in catalogue()["analyses"]
    ]


def constant(path: str) -> Any:
    """Value of a constant of the code, `module:NAME`, read from its source.

    Nothing is imported: the modules of checks bring the samplers with them.

    Raises
    ------
    LookupError
        If the module has no such constant.
    """
    module, _, name = path.partition(":")
    source = PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            value = node.value  # type: ignore[attr-defined]
            # A share such as 1 / 3 is shown as it is written.
            return ast.unparse(value) if isinstance(value, ast.BinOp) else ast.literal_eval(value)
    raise LookupError(f"{source}: there is no constant {name}")


def setting(path: str, settings: Mapping[str, Any]) -> Any:
    """Value of a setting by its dotted path; None where it is not there."""
    value: Any = settings
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def definitions() -> list[Definition]:
    """Estimands and what they are, from the documentation of their modules."""
    text = "\n".join(module.__doc__ or "" for module in (meta.estimands, interventions))
    blocks = re.findall(r"^((?:``[^`]+``(?:, )?)+)\n((?:    .+\n?)+)", text, flags=re.MULTILINE)
    return [
        Definition(tuple(re.findall("``([^`]+)``", names)), _linked_dois(" ".join(body.split())))
        for names, body in blocks
    ]


def defined(estimand: str, known: Sequence[Definition]) -> bool:
    """Whether an estimand has a definition; `<x>` in a defined name stands for anything."""
    patterns = [re.sub("<.*?>", "*", name) for each in known for name in each.names]
    return any(fnmatchcase(estimand, pattern) for pattern in patterns)


def _threshold(entry: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[str, str]:
    if "constant" in entry:
        return _shown(constant(entry["constant"])), entry["constant"].replace(":", ".")
    value = setting(entry["setting"], settings)
    return "not recorded" if value is None else _shown(value), entry["setting"]


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_shown(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _general(name: str, meaning: str) -> str:
    return meaning.partition(":")[0] if "_predictive_" in name else meaning


def _linked_dois(text: str) -> Markup:
    parts, at = [], 0
    for name, address in links(text):
        start = text.find(name, at)
        if start >= 0:
            link = Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(address, name)
            parts += [Markup.escape(text[at:start]), link]
            at = start + len(name)
    return Markup("").join([*parts, Markup.escape(text[at:])])
