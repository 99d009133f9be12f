"""The harness itself: what is lost is called lost, and only what messages say is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.base import Base, Finished, jobs_at_the_end, strike, survivors
from tests.faults.outcome import recover
from tests.faults.whole import half_written

POOLED = b"model,mean\nrates,0.5\n"
DAMAGED = (
    "data/processed/x.json: damaged or edited since a step wrote it: remove it, then run "
    "snakemake again, which makes it anew: rm data/processed/x.json"
)
LOCKED = "Error: Directory cannot be locked. Please make sure that no other process runs."


@dataclass(frozen=True)
class Scripted(Base):
    """A pipeline that prints and ends as it is told to."""

    ends: list[Finished] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, *words: str) -> Finished:
        self.asked.append(words)
        return Finished(0, "") if words == ("--unlock",) else self.ends.pop(0)


@pytest.fixture
def base(tmp_path: Path) -> Scripted:
    for name in ("data/raw/arms.csv", "reports/pooled.csv", "data/processed/x.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(POOLED)
    return Scripted(tmp_path)


def test_the_same_bytes_at_once_are_survival(base: Scripted) -> None:
    base.ends.append(Finished(0, "done"))
    assert recover(base, POOLED, base.raw_hash()).kind == "same"


def test_other_numbers_are_lost(base: Scripted) -> None:
    base.ends.append(Finished(0, "done"))
    trial = recover(base, b"model,mean\nrates,0.6\n", base.raw_hash())
    assert (trial.kind, trial.loss) == (
        "lost", "pooled.csv differs from that of an undisturbed run",
    )  # fmt: skip


def test_a_changed_raw_table_is_lost(base: Scripted) -> None:
    raw = base.raw_hash()
    base.path("data/raw/arms.csv").write_text("other")
    base.ends.append(Finished(0, "done"))
    assert recover(base, POOLED, raw).loss == "data/raw has changed"


@pytest.mark.parametrize(
    "text",
    ["it failed", f"{DAMAGED}\nTraceback (most recent call last):\n  ...\nKeyError: 1"],
)
def test_no_message_or_a_traceback_is_lost(base: Scripted, text: str) -> None:
    base.ends.append(Finished(1, text))
    assert recover(base, POOLED, base.raw_hash()).kind == "lost"


def test_a_message_is_followed(base: Scripted) -> None:
    base.ends.extend([Finished(1, DAMAGED), Finished(1, LOCKED), Finished(0, "done")])
    trial = recover(base, POOLED, base.raw_hash())
    assert (trial.kind, trial.messages) == ("told", [DAMAGED, LOCKED])
    assert not base.path("data/processed/x.json").exists()
    assert base.asked == [(), (), ("--unlock",), ()]


def test_a_message_that_does_not_help_is_lost(base: Scripted) -> None:
    base.ends.extend([Finished(1, DAMAGED)] * 9)
    assert recover(base, POOLED, base.raw_hash()).loss.startswith("not mended")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data/processed/a.json", b'{"a": 1'), ("reports/a.csv", b"a,b\n1"),
        ("reports/index.html", b"<html>"), ("data/processed/a.parquet", b"PAR1"),
        ("data/processed/fits/a.nc", b"\x89HDF"), ("data/processed/a.duckdb", b"0" * 5000),
    ],
)  # fmt: skip
def test_half_a_file_is_seen_unless_it_is_temporary(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.with_name(f".{path.name}").write_bytes(content)
    assert half_written(tmp_path) == []
    path.write_bytes(content)
    assert [found.split(":")[0] for found in half_written(tmp_path)] == [name]


def test_a_kill_leaves_no_process_of_the_group() -> None:
    import signal
    import subprocess

    from tests.faults.base import Running

    running = Running(
        ["bash", "-c", "sleep 60 & sleep 60"], start_new_session=True, text=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    while len(survivors(running.pid)) < 3:
        assert running.poll() is None
    assert strike(running, signal.SIGKILL)
    assert survivors(running.pid) == []
    assert not strike(running, signal.SIGKILL)


def test_the_jobs_that_a_kill_meets_are_those_begun_and_not_finished() -> None:
    text = (
        "localrule fit:\nlocalrule gate:\nFinished jobid: 3 (Rule: fit)\nrule fit:\nrule report:\n"
    )
    assert jobs_at_the_end(text) == ["fit", "gate", "report"]


def test_a_fault_that_stops_nothing_was_not_met(base: Scripted) -> None:
    base.ends.append(Finished(0, "done"))
    trial = recover(base, POOLED, base.raw_hash(), lift=lambda: "", forced="gate")
    assert trial.loss == "the run did not meet the fault"
