"""Provenance: fingerprints of code and libraries, the commit, and versions of a run.

Snakemake does not see that a rule's command imports a library module that has changed. Each rule
therefore carries the fingerprint of the command it runs: the sources it imports from this
package, however indirectly, and the versions of the distributions that those import.
Standard library only, since it runs whenever the workflow is parsed.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
#: Files that a module reads beside its own source.
RESOURCES = {
    "meta.evidence.dictionary": ["evidence/fields.yaml"],
    "meta.claims.comparisons": ["claims/comparisons.yaml"],
    "meta.report.environment": ["report/static", "report/templates"],
    "meta.report.methods.catalogue": [
        "report/methods/checks.yaml",
        # Sources that thresholds are read from.
        *(
            f"checks/{name}.py"
            for name in ("coverage", "importance", "leave_one_out", "loo_pit", "uniformity")
        ),
        "models/design.py",
    ],
    "meta.report.methods.citations": ["report/methods/references.bib"],
    "meta.report.methods.objections": ["report/methods/objections.yaml"],
    "meta.risk.scenarios": ["risk/scenarios.yaml"],
    "meta.risk.structure": ["risk/published.yaml"],
}  # fmt: skip

#: Fields of a syntax tree's nodes that hold statements.
STATEMENTS = ("body", "orelse", "finalbody", "handlers", "cases")


@cache
def _source(module: str) -> Path | None:
    base = PACKAGE.parent.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _imports(node: ast.AST) -> Iterator[str]:
    """Modules that a piece of source imports (`from a import b` gives both `a` and `a.b`).

    Only statements are looked at: an import is one, and a module has ten times as many expressions.
    """
    todo = [node]
    while todo:
        child = todo.pop()
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module and child.level == 0:
            yield child.module
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        for part in STATEMENTS:
            todo += getattr(child, part, [])


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _imported(path: Path) -> tuple[str, ...]:
    """Modules that a source file imports: most are reached from every step."""
    return tuple(dict.fromkeys(_imports(_parse(path))))


def forget_sources() -> None:
    """Read sources anew from now on: for a process in which they change."""
    for cached in (_source, _parse, _imported, code_fingerprint):
        cached.cache_clear()


def _function(module: str, name: str) -> ast.AST:
    path = _source(module)
    if path is None:
        raise LookupError(f"no module {module} in {PACKAGE.parent}")
    for node in _parse(path).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise LookupError(f"{path} defines no function {name}")


def _closure(start: Iterable[str]) -> tuple[set[str], set[str]]:
    """Modules of this package reached from `start`, and the foreign packages they import."""
    todo, ours, foreign = list(start), set(), set()
    while todo:
        module = todo.pop()
        top = module.split(".")[0]
        if top != PACKAGE.name:
            foreign.add(top)
            continue
        path = _source(module)
        if path is None or module in ours:
            continue
        ours.add(module)
        todo += _imported(path)
        # Importing a.b.c runs the packages a and a.b first.
        todo += [module.rsplit(".", 1)[0]] if "." in module else []
    return ours, foreign


#: Distributions whose name is not that of the package they install. (The general map,
#: importlib.metadata.packages_distributions, costs a second at every parse of the workflow.)
DISTRIBUTIONS = {"yaml": "pyyaml"}


@cache
def _requirements(distribution: str) -> tuple[str, ...]:
    try:
        listed = importlib.metadata.requires(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return ()
    return tuple(
        match.group().lower()
        for line in listed
        if "extra ==" not in line and (match := re.match(r"[A-Za-z0-9._-]+", line))
    )


def library_versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of the distributions behind import names, with all they require.

    Parameters
    ----------
    packages
        Top-level import names; those of the standard library are ignored.
    """
    foreign = [p for p in packages if p not in sys.stdlib_module_names]
    todo = [DISTRIBUTIONS.get(p, p) for p in foreign]
    seen: dict[str, str] = {}
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name in seen:
            continue
        try:
            seen[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        todo += _requirements(name)
    return dict(sorted(seen.items()))


@cache
def code_fingerprint(function: str) -> str:
    """Fingerprint of everything that a function of this package runs.

    Parameters
    ----------
    function
        `module:function`, for instance ``meta.steps:fit``. The function's own source, the modules
        it imports inside its body and all that those import are covered.

    Returns
    -------
    str
        Hexadecimal digest; it changes when a source, a resource file, a library or the Python
        version does, and not for changes elsewhere in the package.

    Raises
    ------
    LookupError
        If there is no such function.
    """
    module, name = function.split(":")
    node = _function(module, name)
    ours, foreign = _closure(_imports(node))
    digest = hashlib.sha256(ast.dump(node).encode())
    for each in sorted(ours):
        path = _source(each)
        assert path is not None  # only modules with a source enter the closure
        digest.update(f"{each}\0".encode() + path.read_bytes())
        for resource in RESOURCES.get(each, []):
            for file in _files(PACKAGE / resource):
                digest.update(f"{file.name}\0".encode() + file.read_bytes())
    digest.update(repr(library_versions(foreign)).encode())
    digest.update(platform.python_version().encode())
    return digest.hexdigest()[:16]


def digest(*parts: object) -> str:
    """Short digest of any number of texts, in order."""
    text = "\0".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())


def machine() -> str:
    """Name the kind of machine that floating-point results depend on: system and processor."""
    names: list[str] = []
    with suppress(OSError):
        described = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        names = re.findall(r"^model name\s*:\s*(.+)$", described, re.MULTILINE)
    processor = names[0].strip() if names else platform.processor()
    return f"{platform.system()} {platform.machine()} {processor}".strip()


def commit() -> dict[str, str | bool | None]:
    """Commit of the code, and whether tracked files differ from it (None outside git)."""

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(PACKAGE), *words], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    head = git("rev-parse", "HEAD")
    status = git("status", "--porcelain", "--untracked-files=no") if head else None
    return {"commit": head, "dirty": bool(status) if status is not None else None}
