"""`meta risk`: both modes of profiles from the files of a run, as JSON and as text; its errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from meta.cli import main
from meta.risk.basis import SHOWN, read_basis, thinned, write_basis
from meta.risk.evidence import ESTIMANDS, OUTCOMES, evidence_risk
from meta.risk.settings import Profile
from meta.settings_file import load_settings
from tests.risk.small_basis import CLAIMS, documents, small_basis, with_counts

ASKED = {
    "--shift": "significant", "--specification": "0.3", "--capability": "above_human",
    "--diversity": "narrow", "--alignment": "behavioral_cloning",
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a run that `meta risk` reads."""
    folder = tmp_path_factory.mktemp("base")
    tables = folder / "data/processed/tables"
    tables.mkdir(parents=True)
    pd.read_csv(CLAIMS).to_parquet(tables / "claims.parquet")
    codings = pd.DataFrame({"unit_id": ["K1", "K2", "K3"], "coder": ["ann", "bot", "guest"]})
    codings.to_parquet(tables / "codings.parquet")
    kinds = pd.DataFrame({"coder": ["ann", "bot", "idle"],
                          "kind": ["human", "machine_assisted", "human"]})  # fmt: skip
    kinds.to_parquet(tables / "coders.parquet")
    basis = with_counts(small_basis(count=2500), "shift_type", "extreme", 0.0)
    write_basis(basis, folder / "data/processed/risk")
    return folder


def run(base: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["risk", "--directory", str(base), *words])


def flat(options: dict[str, str]) -> list[str]:
    return [word for pair in options.items() for word in pair]


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_json_has_both_modes_with_the_numbers_of_the_draws(base: Path) -> None:
    found = run(base, *flat(ASKED), "--mitigation", "warning_or_prohibition", "--json")
    assert found.exit_code == 0
    rows = json.loads(found.output, parse_constant=refuse_constant)
    assert [row["mode"] for row in rows] == ["published", *["evidence"] * 10]
    published, *evidence = rows
    # 0.218 times 1.5 to 2, 3, 1.4 and 1.5; the central value of the score 0.3 is the low one.
    assert published["value"] == pytest.approx(0.218 * 1.5 * 3 * 1.4 * 1.5)
    assert published["high"] == pytest.approx(0.218 * 2 * 3 * 1.4 * 1.5)
    assert published["flags"] == "exceeds_one no_printed_figure"
    profile = Profile(
        ("significant", "significant"), 0.3, "above_human", "narrow", "behavioral_cloning",
        interventions=("warning_or_prohibition",),
    )  # fmt: skip
    basis = thinned(read_basis(base / "data/processed/risk"))
    assert len(basis.chain.correlation) == SHOWN
    risk = evidence_risk(profile, basis, documents(), load_settings(base).seed)
    for row in evidence:
        draws = risk.draws[row["outcome"], row["estimand"]]
        want = np.quantile(draws, [0.025, 0.5, 0.975])
        assert [row["low"], row["value"], row["high"]] == pytest.approx(want)
        assert row["interval"] == "95%"
        assert row["flags"] == "few_contrasts:mitigation=warning_or_prohibition"
        assert row["note"] == (
            "warning_or_prohibition: evidence (arms with warning_or_prohibition against their "
            "baselines, 1 study)"
        )
    assert {(row["outcome"], row["estimand"]) for row in evidence} == {
        (outcome, estimand) for outcome in OUTCOMES for estimand in ESTIMANDS
    }


def test_what_is_no_number_is_null(base: Path) -> None:
    found = run(base, "--shift", "none", "--json")
    published = json.loads(found.output, parse_constant=refuse_constant)[0]
    assert published["value"] is None and published["high"] is None
    assert published["flags"] == "shift_not_printed"
    assert published["specification"] is None and published["printed_low"] is None
    text = run(base, "--shift", "none").output
    assert "Published formula: no number." in text
    assert "prints no base probability where nothing shifts" in text


def test_the_text_says_what_each_number_rests_on(base: Path) -> None:
    found = run(base, "--shift", "moderate", "--shift", "extreme", "--period", "2026-2027")
    assert found.exit_code == 0
    lines = found.output.splitlines()
    assert lines[0] == "shift moderate; extreme, period 2026-2027"
    assert lines[1].startswith("Published formula: ") and lines[1].endswith("printed figures.")
    rows = {line[2:38].strip(): line for line in lines[3:] if "% (" in line}
    assert "judgement" not in rows["Capability transfers"]
    assert "evidence and judgement" in rows["Goal fails, given capability"]
    assert "evidence and judgement" in rows["All three: harmful failure"]
    assert "- Evidence, shift extreme: hardly any study has this level" in found.output
    assert "- 2026-2027: judgement (odds multiplied by about 1.5, as printed" in found.output
    assert "none is the rate of a deployed system" in " ".join(found.output.split())
    assert "nan" not in found.output and max(map(len, lines)) <= 120


def test_coders_behind_the_evidence_are_flagged(base: Path) -> None:
    said = " ".join(run(base, "--shift", "none").output.split())
    assert (
        "Harm and the settings of evaluations were coded by ann (human), bot (machine assisted), "
        "guest (undescribed); none adjudicated."
    ) in said
    published, *evidence = json.loads(run(base, "--shift", "none", "--json").output)
    assert published["coders"] is None
    kinds = {"ann": "human", "bot": "machine_assisted", "guest": "undescribed"}
    assert all(row["coders"] == kinds for row in evidence)


def test_a_file_of_profiles_gets_a_table_each(base: Path, tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    file.write_text("profile,shift\ntutor,superficial\nagent,extreme\n")
    found = run(base, "--profiles", str(file))
    assert found.exit_code == 0
    titles = [line for line in found.output.splitlines() if line in ("tutor", "agent")]
    assert titles == ["tutor", "agent"]
    rows = json.loads(run(base, "--profiles", str(file), "--json").output)
    assert [row["profile"] for row in rows] == ["tutor"] * 11 + ["agent"] * 11


def test_markup_in_a_name_is_shown_as_it_is(base: Path, tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    file.write_text('"[red]x[/red]": {shift: extreme}\n')
    assert "[red]x[/red]" in run(base, "--profiles", str(file)).output


@pytest.mark.parametrize(
    ("option", "value", "legal"),
    [
        ("--shift", "big", "none, superficial, moderate, significant, extreme"),
        ("--specification", "1.5", "give a number from 0 (proxy only) to 1"),
        ("--specification", "high", "give a number from 0 (proxy only) to 1"),
        ("--capability", "x", "below_human, human_level, above_human"),
        ("--diversity", "x", "narrow, mixed, diverse"),
        ("--alignment", "x", "behavioral_cloning, "),
        ("--period", "2040", "2024-2025, 2026-2027, 2028-2030, post-2030"),
        ("--mitigation", "warning_or_prohibtion", "did you mean warning_or_prohibition?"),
    ],
)
def test_what_is_not_legal_is_refused_with_what_is(
    base: Path, option: str, value: str, legal: str
) -> None:
    found = run(base, *flat({"--shift": "extreme", option: value}))
    assert found.exit_code == 1
    assert value in found.stderr and legal in found.stderr
    assert found.stdout == ""


def test_every_problem_at_once(base: Path) -> None:
    found = run(base, *flat({**dict.fromkeys(ASKED, "x")}))
    assert found.exit_code == 1
    assert len(found.stderr.splitlines()) == 5


def test_usage(base: Path, tmp_path: Path) -> None:
    assert run(base).exit_code == 2
    file = tmp_path / "p.csv"
    file.write_text("profile,shift\na,none\n")
    assert run(base, "--profiles", str(file), "--shift", "none").exit_code == 2


def test_a_base_without_a_run_says_what_to_do(base: Path, tmp_path: Path) -> None:
    found = run(tmp_path, "--shift", "none")
    assert found.exit_code == 1 and "run `snakemake --cores 8` first" in found.stderr
    (tmp_path / "data/processed").mkdir(parents=True)
    (tmp_path / "data/processed/tables").symlink_to(base / "data/processed/tables")
    found = run(tmp_path, "--shift", "none")
    assert found.exit_code == 1
    assert "basis.json: not there: run `snakemake --cores 8` first" in found.stderr


def test_a_base_of_other_claims_says_so(tmp_path: Path) -> None:
    tables = tmp_path / "data/processed/tables"
    tables.mkdir(parents=True)
    claims = pd.read_csv(CLAIMS).assign(document="another.txt")
    claims.to_parquet(tables / "claims.parquet")
    found = run(tmp_path, "--shift", "none")
    assert found.exit_code == 1
    assert "holds no figure of the published risk model" in found.stderr
