"""The step that writes the audit, and the rule that runs it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from meta.claims.audit import COLUMNS
from meta.cli import main
from meta.provenance import PACKAGE, code_fingerprint, forget_sources
from tests.claims.tables import claims, pooled
from tests.workflow.conftest import small_pipeline

KIND = "failure_type=goal_misgeneralization"
SHIPPED = Path(__file__).parents[2] / "data/raw/claims.csv"


def write_run(folder: Path) -> list[str]:
    """Write tables and one fit as a run leaves them; return the words of the step."""
    fit, tables = folder / "fits/by_failure_type", folder / "tables"
    for each in (fit, tables):
        each.mkdir(parents=True)
    claim = {"quantity": "p_capability_transfer", "subject": "pooled", "value": 0.5}
    claims(claim).to_parquet(tables / "claims.parquet")
    at = {"model": "by_failure_type", "outcome": "capability_transfer", "group": KIND}
    pooled(at).to_csv(fit / "pooled.csv", index=False)
    draws = {"chain": [0], "draw": [0], f"capability_transfer/{KIND}/rate_mean": [0.5]}
    pd.DataFrame(draws).to_parquet(fit / "draws.parquet")
    output = folder / "reports/claims.csv"
    return ["claims", str(fit), "--tables", str(tables), "--output", str(output)]


def test_the_step_writes_one_row_a_claim(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, write_run(tmp_path), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "reports/claims.csv")
    assert table.columns.tolist() == COLUMNS
    assert table[["claim_id", "verdict", "mass"]].to_numpy().tolist() == [
        ["C001", "supported", 1.0]
    ]


def test_the_map_and_the_rule_of_verdicts_are_part_of_the_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "src/meta"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("meta.provenance.PACKAGE", copy)

    def fingerprint(step: str) -> str:
        forget_sources()
        return code_fingerprint(f"meta.steps:{step}")

    try:
        for name in ("claims/comparisons.yaml", "claims/verdict.py", "risk/published.yaml"):
            before = {step: fingerprint(step) for step in ("claims", "fit")}
            path = copy / name
            path.write_text(path.read_text() + "\n# changed\n")
            assert fingerprint("claims") != before["claims"], name
            assert fingerprint("fit") == before["fit"], name
        before = {step: fingerprint(step) for step in ("claims", "report")}
        page = copy / "report/templates/claims.html.j2"
        page.write_text(page.read_text() + "\n")
        assert fingerprint("claims") == before["claims"]
        assert fingerprint("report") != before["report"]
    finally:
        monkeypatch.undo()
        forget_sources()


@pytest.mark.pipeline
def test_claims_are_audited_where_there_are_any(tmp_path: Path) -> None:
    pipeline = small_pipeline(tmp_path)
    assert "claims" not in pipeline.planned()
    shutil.copy(SHIPPED, pipeline.base / "data/raw/claims.csv")
    assert {"claims", "report", "gate"} <= pipeline.planned()
