"""The tables that the step writes, from the warehouse of a full and of a bare base."""

from pathlib import Path

import pandas as pd
from click.testing import CliRunner

from meta.cli import main
from meta.evidence.checking import check
from meta.evidence.warehouse import build_warehouse
from meta.finding import COLUMNS, KINDS
from meta.risk.tables import published_tables

ROOT = Path(__file__).parents[2]

STUDY = "study_id,title,year\ns_2020,A,2020\n"
ARM = (
    "arm_id,study_id,failure_type,unit,n_trials,n_at_risk,n_goal_failure,sampling_frame,role,grade\n"
    "A1,s_2020,specification_gaming,run,9,9,3,denominator,main,A\n"
)


def run(database: Path, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    command = ["audit", "--database", str(database), "--output", str(folder)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    return pd.read_csv(folder / "taxonomy.csv"), pd.read_csv(folder / "findings.csv")


def test_the_shipped_base(database, tmp_path):
    items, findings = run(database, tmp_path)
    assert items["item_id"].is_unique
    assert list(findings) == COLUMNS
    assert list(dict.fromkeys(findings["kind"])) == list(KINDS)
    published = {path.stem: pd.read_csv(path) for path in (tmp_path / "published").iterdir()}
    whole = published_tables(pd.read_csv(ROOT / "data/raw/claims.csv"))
    assert set(published) == set(whole)
    assert all(len(table) == len(whole[name]) for name, table in published.items())
    assert published["base_rates"]["implied_harm"].round(3).tolist() == [0.353, 0.549, 0.721, 0.821]
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
    assert not list((tmp_path / "published").iterdir())
    page = (tmp_path / "audit.html").read_text()
    assert "Nothing is found" in page
    assert "claims.html" not in page
