"""Steps of risk on the command line: the files they write, and what makes them run again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from meta.cli import main
from meta.provenance import PACKAGE, code_fingerprint, forget_sources
from meta.risk.basis import SHOWN, read_basis, thinned, write_basis
from meta.risk.profile_risk import COLUMNS, risk_table, shipped_profiles
from meta.risk.shipped_risk import write_shipped_risk
from tests.risk.small_basis import CLAIMS, documents, small_basis


def write_run(folder: Path, claims: pd.DataFrame) -> list[str]:
    """Write tables and basis as a run leaves them; return the words of the step."""
    tables = folder / "tables"
    tables.mkdir()
    claims.to_parquet(tables / "claims.parquet")
    write_basis(small_basis(count=2300), folder / "risk")
    return [
        "risk-table", "--tables", str(tables), "--basis", str(folder / "risk"), "--seed", "5",
        "--ci-prob", "0.9", "--calculator", str(folder / "calculator.json"),
        "--output", str(folder / "risk.csv"),
    ]  # fmt: skip


def test_the_table_is_of_the_draws_that_the_calculator_has(tmp_path: Path) -> None:
    words = write_run(tmp_path, pd.read_csv(CLAIMS))
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    content = json.loads((tmp_path / "calculator.json").read_text())
    assert (content["count"], content["interval"]) == (SHOWN, 0.9)
    table = pd.read_csv(tmp_path / "risk.csv", keep_default_na=False, na_values=[""])
    basis = thinned(read_basis(tmp_path / "risk"))
    want = risk_table(shipped_profiles(documents()), documents(), basis, 5, 0.9)
    assert list(table.columns) == COLUMNS
    for column in ("value", "low", "high", "contraction", "printed_low"):
        assert table[column].tolist() == pytest.approx(want[column].astype(float), nan_ok=True)
    assert set(table["interval"]) == {"90%", "as printed", "products of the printed ends"}


def test_a_shift_type_has_its_printed_stages_and_range(tmp_path: Path) -> None:
    write_shipped_risk(
        pd.read_csv(CLAIMS), small_basis(count=20), 5, 0.9, tmp_path / "r.csv", tmp_path / "c.json"
    )
    table = pd.read_csv(tmp_path / "r.csv")
    rows = table[(table["kind"] == "shift_type") & (table["profile"] == "significant")]
    printed = rows[rows["estimand"] == "printed"].set_index("outcome")
    assert printed.loc["capability_transfer", ["value", "low", "high"]].tolist() == [0.55] * 3
    assert printed.loc["goal_failure", "value"] == 0.55
    assert printed.loc["harm", ["low", "high"]].tolist() == [0.5, 0.7]
    assert pd.isna(printed.loc["harm", "value"])
    product = rows[rows["estimand"] == "published"].iloc[0]
    assert product[["value", "printed_low", "printed_high"]].tolist() == [0.218, 0.1, 0.42]


def test_other_claims_leave_both_files_empty(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, write_run(tmp_path, pd.read_csv(CLAIMS).iloc[:4]))
    assert done.exit_code == 0 and "left empty" in done.output
    assert (tmp_path / "risk.csv").read_text().strip() == ",".join(COLUMNS)
    assert json.loads((tmp_path / "calculator.json").read_text()) == {}


@pytest.mark.parametrize(
    ("file", "moved", "still"),
    [
        ("risk/scenarios.yaml", "meta.risk_steps:risk_table", "meta.risk_steps:modifier_ratios"),
        ("risk/published.yaml", "meta.risk_steps:modifier_ratios", "meta.steps:fit"),
        ("report/static/risk_calculator.js", "meta.steps:report", "meta.risk_steps:risk_table"),
        ("estimands/chain_averages.py", "meta.risk_steps:risk_table", "meta.steps:fit"),
    ],
)
def test_what_a_step_reads_is_in_its_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, moved: str, still: str
) -> None:
    copy = tmp_path / "src/meta"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("meta.provenance.PACKAGE", copy)

    def fingerprint(step: str) -> str:
        forget_sources()
        return code_fingerprint(step)

    try:
        before = fingerprint(moved), fingerprint(still)
        with (copy / file).open("a") as stream:
            stream.write("\n# changed\n")
        assert fingerprint(moved) != before[0] and fingerprint(still) == before[1]
    finally:
        monkeypatch.undo()
        forget_sources()
