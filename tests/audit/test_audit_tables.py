"""The tables that the step writes, from the warehouse of a full and of a bare base."""

from pathlib import Path

import pandas as pd
from click.testing import CliRunner

from meta.cli import main
from meta.evidence.checking import check
from meta.evidence.warehouse import build_warehouse

STUDY = "study_id,title,year\ns_2020,A,2020\n"
ARM = (
    "arm_id,study_id,failure_type,unit,n_trials,n_at_risk,n_goal_failure,sampling_frame,role,grade\n"
    "A1,s_2020,specification_gaming,run,9,9,3,denominator,main,A\n"
)


def run(database: Path, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    paths = [folder / "taxonomy.csv", folder / "findings.csv"]
    command = ["audit-tables", "--database", str(database)]
    command += ["--taxonomy", str(paths[0]), "--findings", str(paths[1])]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    return pd.read_csv(paths[0]), pd.read_csv(paths[1])


def test_the_shipped_base(database, tmp_path):
    items, findings = run(database, tmp_path)
    assert items["item_id"].is_unique
    assert set(findings["kind"]) == {"citation", "goal", "category", "document"}
    first = (tmp_path / "findings.csv").read_bytes()
    run(database, tmp_path)
    assert (tmp_path / "findings.csv").read_bytes() == first


def test_a_base_without_documents_has_empty_tables(tmp_path):
    raw = tmp_path / "data/raw"
    raw.mkdir(parents=True)
    (raw / "studies.csv").write_text(STUDY)
    (raw / "arms.csv").write_text(ARM)
    build_warehouse(check(tmp_path), tmp_path / "evidence.duckdb")
    items, findings = run(tmp_path / "evidence.duckdb", tmp_path)
    assert items.empty
    assert findings.empty
    assert "sentence" in findings
