"""The page of the faults is that of the record, and nothing in it is lost."""

from __future__ import annotations

from tests.faults.record import PAGE, RECORD, page, read


def test_the_page_is_written_from_the_record() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(read(RECORD)), "run make faults"


def test_nothing_was_lost() -> None:
    subjects = read(RECORD)
    outcomes = [outcome for subject in subjects.values() for outcome in subject["outcomes"]]
    assert [outcome["losses"] for outcome in outcomes if outcome["lost"]] == []
    for outcome in outcomes:
        made = outcome["same"] + outcome["told"]
        assert made == outcome["times"] > 0 or outcome["skipped"], outcome["fault"]
    assert subjects["kills"]["outcomes"][0]["times"] >= 50


def test_a_loss_is_shown() -> None:
    row = {"fault": "a fault", "made": "by hand", "times": 2, "same": 1, "told": 0, "lost": 1,
           "messages": [], "losses": ["other numbers"], "seconds": 1, "skipped": ""}  # fmt: skip
    text = page({"subject": {"date": "2026-01-01", "outcomes": [row]}})
    assert "| a fault | by hand | 2 | 1 | 0 | 1 |" in text
    assert "- a fault: other numbers" in text
