"""Every file, command, option, target and test that the documents name is there."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from functools import cache
from pathlib import PurePosixPath

import click
import pytest

from meta.cli import main
from tests.docs.markdown import PAGES, ROOT, spans

#: What a run leaves; it is named in the workflow or in the code.
MADE = ("data/processed/", "reports/", "logs/", "fits/", "checks/", "codes/", "calibration/")
#: Places that a reader makes or has.
THEIRS = {
    "data/raw/corrections.yaml", "data/raw/TABLE.csv", "path/to/here/Snakefile",
    "releases/2026-12/",
}  # fmt: skip
SUFFIXES = {"py", "md", "csv", "yaml", "yml", "json", "html", "toml", "lock", "smk", "sql", "bib",
            "svg", "parquet", "nc", "duckdb", "cff", "R", "png"}  # fmt: skip


@cache
def tracked() -> frozenset[str]:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    files = done.stdout.splitlines()
    folders = {f"{parent}/" for file in files for parent in PurePosixPath(file).parents}
    return frozenset(files) | folders


@cache
def sources() -> str:
    """Text of the workflow and of the package, which name what a run leaves."""
    paths = [*(ROOT / "src/meta").rglob("*.py"), *(ROOT / "workflow").rglob("*.smk")]
    return "\n".join(path.read_text() for path in paths)


def is_path(text: str) -> bool:
    """Whether a piece of code is the path of a file or folder of this repository."""
    if re.search(r"[\s<>*{}=|,:~\"']|\.\.\.|^https?:|^-", text.partition("::")[0]):
        return False
    path = text.partition("::")[0]
    return path.endswith("/") or ("/" in path and path.rpartition(".")[2] in SUFFIXES)


def there(path: str, page: str) -> bool:
    if path in tracked() or path in THEIRS:
        return True
    # Beside a folder that is named whole, its siblings are named alone.
    if path.count("/") == 1 and any(each.endswith(f"/{path}") for each in tracked()):
        return True
    beside = (ROOT / page).parent / path
    if beside.exists():
        return True
    name = PurePosixPath(path).name
    if path.startswith(MADE) or path.count("/") == 1:
        # A file by its whole name, or by the one from which the workflow makes it; a folder too.
        stem, dot, _ = name.rpartition(".")
        forms = (name, f'"{stem}"', f"{stem}=") if dot else (f'"{name}"', f"/{name}/", f'/{name}"')
        return any(re.search(rf"(?<![\w-]){re.escape(form)}(?![\w-])", sources()) for form in forms)
    return False


@pytest.mark.parametrize("page", PAGES)
def test_files_are_there(page: str) -> None:
    named = {t for kind, t in spans(page) if kind == "code" and is_path(t)}
    absent = sorted(t for t in named if not there(t.partition("::")[0], page))
    assert absent == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    for kind, address in spans(page):
        if kind != "link" or re.match(r"https?://|mailto:", address):
            continue
        path, _, anchor = address.partition("#")
        target = folder / path if path else ROOT / page
        assert target.exists(), address
        if anchor and target.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor in slugs, address


@pytest.mark.parametrize("page", PAGES)
def test_tests_are_there(page: str) -> None:
    """A statement that names a test is held by a test of that name."""
    for kind, text in spans(page):
        path, mark, name = text.partition("::")
        if kind == "code" and mark and path.endswith(".py"):
            tree = ast.parse((ROOT / path).read_text())
            names = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
            assert name in names, text


def commands(page: str) -> list[list[str]]:
    """Words of each `meta` command that a page names."""
    found = []
    for kind, text in spans(page):
        if kind == "link":
            continue
        joined = text.replace("\\\n", " ")
        for line in joined.splitlines() if kind == "block" else [joined]:
            for part in re.split(r"\||&&|;|\s#", line):
                match = re.match(r"^\s*(?:\S+/)?meta(\s.*)$", part)
                if match:
                    found.append(shlex.split(match.group(1).replace("...", "")))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_their_options_are_there(page: str) -> None:
    for words in commands(page):
        command: click.Command = main
        context = click.Context(main, info_name="meta")
        options = {"--help", "--version", "-h"}
        for word in words:
            if isinstance(command, click.Group) and not word.startswith("-"):
                child = command.get_command(context, word)
                assert child is not None, f"meta {' '.join(words)}: no command {word}"
                command, context = child, click.Context(child, info_name=word, parent=context)
                options |= {o for p in command.params for o in p.opts}
            elif word.startswith("--"):
                name = word.partition("=")[0]
                assert name in options, f"meta {' '.join(words)}: no option {name}"


def test_the_search_for_commands_finds_them() -> None:
    named = {words[0] for words in commands("README.md") if words}
    assert {"check", "new", "preview", "release"} <= named


@pytest.mark.parametrize("page", PAGES)
def test_targets_and_rules_are_there(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    workflow = [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    rules = set(re.findall(r"^rule (\w+):", "\n".join(p.read_text() for p in workflow), re.M))
    for kind, text in spans(page):
        if kind == "link":
            continue
        for target in re.findall(r"(?:^|\n)\s*make ([a-z]+)", text):
            assert target in targets, text
        for rule in re.findall(r"(?:^|\n)\s*snakemake ([a-z_]+)(?:\s|$)", text):
            assert rule in rules, text


@pytest.mark.parametrize(
    "path", ["reports/unmade.csv", "src/meta/unmade.py", "unmade/", "data/processed/unmade.json"]
)
def test_what_is_not_there_is_noticed(path: str) -> None:
    assert is_path(path)
    assert not there(path, "README.md")
