"""The story of a new coder: the commands of the README, three mistakes on the way, the preview."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from meta.cli import main
from tests.workflow.conftest import ROOT, Pipeline

pytestmark = pytest.mark.pipeline


def of_readme() -> list[list[str]]:
    """Words of the commands of a new coder, without `meta`, in their order."""
    text = (ROOT / "README.md").read_text()
    block = re.search(r"first study, in a script:\n\n((?:    .*\n)+)", text)
    assert block is not None
    lines = block[1].replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    assert {each[0] for each in words} == {"meta"}
    return [each[1:] for each in words]


def said(result: Result) -> str:
    return " ".join(result.output.split())


def raw(base: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (base / "data/raw").iterdir()}


def changed(words: list[str], option: str, value: str) -> list[str]:
    place = words.index(option) + 1
    return [*words[:place], value, *words[place + 1 :]]


#: Option of the first arm, what was typed, and what the message says of it and how to mend it.
MISTAKES = [
    ("--failure-type", "goal_misgeneralisation", "did you mean goal_misgeneralization?"),
    ("--n-goal-failure", "41", "correct n_goal_failure or n_at_risk"),
    (
        "--study-id",
        "golf_2062",
        "did you mean golf_2026? if not, add it with `meta new study --study-id golf_2062`",
    ),
]


def with_all_columns(path: Path) -> None:
    """Give a table of the small base the columns of the shipped one, blank where it had none."""
    wanted = pd.read_csv(ROOT / "data/raw" / path.name, nrows=0).columns
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    more = [name for name in wanted if name not in table]
    table.assign(**dict.fromkeys(more, "")).to_csv(path, index=False, lineterminator="\n")


def test_from_the_readme_to_an_estimate_that_moves(
    finished: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "base"
    shutil.copytree(finished.base, base, ignore=shutil.ignore_patterns(".snakemake"))
    for name in ("studies", "codings"):
        with_all_columns(base / f"data/raw/{name}.csv")
    monkeypatch.chdir(base)
    run = CliRunner()
    coder, study, arm, *rest = of_readme()
    for words in (coder, study):
        done = run.invoke(main, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
    before = raw(base)
    for option, typed, remedy in MISTAKES:
        done = run.invoke(main, changed(arm, option, typed), catch_exceptions=False)
        assert done.exit_code == 1
        column = option.removeprefix("--").replace("-", "_")
        assert f": {column}: {typed}: " in said(done)
        assert remedy in said(done)
        assert "nothing was written" in said(done)
        assert raw(base) == before
    *more, check, preview = rest
    for words in (arm, *more):
        done = run.invoke(main, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
    assert (check, preview) == (["check"], ["preview", "data/raw"])
    done = run.invoke(main, check, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert " error" not in done.output
    found = run.invoke(main, [*preview, "--json", "--no-refit"], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    models = {model["model"]: model for model in json.loads(found.stdout)["models"]}
    assert models["rates"]["rows"]["added"] == ["M13", "M14"]
    wanted = ("goal_failure", "all", "rate_mean")
    (mean,) = [
        each
        for each in models["rates"]["estimates"]
        if (each["outcome"], each["group"], each["estimand"]) == wanted
    ]
    # Two arms in which most goals fail raise the rate by more than its Monte Carlo error.
    assert mean["difference"] > 4 * mean["mcse"] > 0
