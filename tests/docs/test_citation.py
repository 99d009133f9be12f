"""Citation, licences and version: valid, and the same wherever they stand."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import meta
from tests.docs.markdown import ROOT

SCHEMA = ["--builtin-schema", "vendor.citation-file-format"]


def validate(path: Path) -> int:
    command = [sys.executable, "-m", "check_jsonschema", *SCHEMA, str(path)]
    return subprocess.run(command, capture_output=True, text=True).returncode


def test_the_citation_is_valid() -> None:
    assert validate(ROOT / "CITATION.cff") == 0


@pytest.mark.parametrize("key", ["authors", "title", "message", "cff-version"])
def test_an_invalid_citation_would_be_found(key: str, tmp_path: Path) -> None:
    content = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    del content[key]
    path = tmp_path / "CITATION.cff"
    path.write_text(yaml.safe_dump(content))
    assert validate(path) == 1


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert meta.__version__ == project["version"] == str(cited["version"])
    assert project["license"] in cited["license"]


def test_hooks_are_those_of_the_tests() -> None:
    """What a hook runs before a commit is what `make test` runs, and the evidence's own check."""
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    entries = {hook["entry"] for hook in repository["hooks"]}
    assert {"ruff check --fix", "ruff format", "snakefmt", "meta check"} <= entries
    makefile = (ROOT / "Makefile").read_text()
    for tool in ("ruff check", "ruff format", "snakefmt"):
        assert f"$(BIN)/{tool}" in makefile
