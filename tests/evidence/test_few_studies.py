"""Fewer than three studies are shown with their counts and never pooled; many arms help nothing."""

from pathlib import Path

import pytest
import yaml

from meta.errors import DesignError, MissingRowsError
from meta.evidence.snapshot import snapshot
from meta.settings_file import load_settings
from tests.evidence.small_base import STUDY, arm, write
from tests.stored_run import MODELS

ARM_HEADER = ",".join(arm()) + "\n"


def refusal(base: Path, error: type[Exception]) -> list[str]:
    """Lines of what the primary model of a base is refused with."""
    (base / "config").mkdir()
    (base / "config/config.yaml").write_text(yaml.safe_dump({"models": MODELS}))
    with pytest.raises(error) as caught:
        snapshot(base, load_settings(base), base / "index.json")
    return str(caught.value).splitlines()


def studies(number: int) -> list[dict[str, str]]:
    return [{**STUDY, "study_id": f"s{n}", "title": f"Title {n}"} for n in range(number)]


def test_no_study_is_no_row(tmp_path: Path) -> None:
    base = write(tmp_path, studies=",".join(STUDY) + "\n", arms=ARM_HEADER)
    assert refusal(base, MissingRowsError)[0].startswith("no row of the evidence has")


def test_one_study_is_shown_and_not_pooled(tmp_path: Path) -> None:
    first, *shown = refusal(write(tmp_path), DesignError)
    assert first.startswith("1 study left: fewer than 3 cannot tell how rates vary between them")
    assert first.endswith("so nothing is pooled")
    assert shown == ["  smith_2024, A1: goal failure 10 of 30"]


def test_two_studies_are_too_few_though_one_has_500_arms(tmp_path: Path) -> None:
    many = [arm(f"A{n:03d}", study_id="s0", condition=f"c{n}") for n in range(500)]
    lone = arm("B", study_id="s1", n_goal_failure="0", condition="")
    first, *shown = refusal(write(tmp_path, studies=studies(2), arms=[*many, lone]), DesignError)
    assert first.startswith("2 studies left: fewer than 3")
    assert len(shown) == 501
    assert shown[0] == "  s0, A000: goal failure 10 of 30"
    assert shown[-1] == "  s1, B: goal failure 0 of 30"


def test_studies_that_count_nothing_are_no_studies(tmp_path: Path) -> None:
    """Three studies of which one observes no stage of the model; then none does."""
    rows = [arm(f"A{n}", study_id=f"s{n}") for n in range(3)]
    rows[2] |= {"n_goal_failure": "", "n_at_risk": ""}
    base = write(tmp_path / "one", studies=studies(3), arms=rows)
    first, *shown = refusal(base, DesignError)
    assert first.startswith("2 studies left")
    assert [line.split(",")[0].strip() for line in shown] == ["s0", "s1"]
    blank = [{**row, "n_goal_failure": "", "n_at_risk": ""} for row in rows]
    base = write(tmp_path / "none", studies=studies(3), arms=blank)
    (first,) = refusal(base, DesignError)
    assert first.startswith("no row of the analysis set observes goal_failure")
