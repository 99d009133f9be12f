"""Committed calibration: shards that belong together, and what makes it stale."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from meta import progress
from meta.checks import calibration_record
from meta.checks.calibration_record import (
    CalibrationError,
    Shard,
    calibrate_shard,
    identity,
    merge_shards,
    read_calibration,
    shape_differences,
    shape_of,
    stale_reasons,
)
from meta.checks.uniformity import RANKED_DRAWS
from meta.cli import main
from meta.config import FitTask, ModelSpec, PriorSet, Sampler
from meta.models import behaviour
from meta.models.chain import build_chain
from meta.models.design import Design, build_design
from meta.priors import HalfNormal
from meta.report.calibration_figure import write_calibration_figure

TASK = FitTask(
    model="m",
    spec=ModelSpec(stages=["goal_failure"], likelihood="binomial", levels=["study"]),
    priors=PriorSet(),
    sampler=Sampler(),
    seed=5,
)


def table(studies: int) -> pd.DataFrame:
    names = [f"s{i:02d}" for i in range(studies)]
    return pd.DataFrame(
        {
            "row_id": names,
            "study": names,
            "agent_set": names,
            "failure_type": "specification_gaming",
            "sampling_frame": "denominator",
            "grade": "A",
            "conditioning": "all_trials",
            "events_goal_failure": pd.array([3] * studies, dtype="Int64"),
            "trials_goal_failure": pd.array([20] * studies, dtype="Int64"),
        }
    )


def design(studies: int = 6) -> Design:
    return build_design(table(studies), TASK.spec)


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibration") / "m.parquet"
    table(6).to_parquet(path, index=False)
    return path


QUANTITIES = ("alpha[goal_failure]", "log_likelihood", "tau[goal_failure]")


def made_up_ranks(_: object, replicates: Iterable[int], cores: int) -> pd.DataFrame:
    """Ranks as a sampler would give them, without one."""
    assert cores == 1
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(product(replicates, QUANTITIES), columns=["replicate", "quantity"])
    return frame.assign(
        rank=rng.integers(0, RANKED_DRAWS + 1, len(frame)), z=0.1, contraction=0.5,
        ess_bulk=90.0, target_accept=0.9, divergences=0, draws=400,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(analysis: Path) -> Path:
    """A calibration of 24 replicates, merged from two shards given in the wrong order."""
    shards = [analysis.parent / f"{i}-of-2.parquet" for i in (2, 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration_record, "ranks", made_up_ranks)
        patch.setattr(calibration_record, "simulator", lambda *_: None)
        for number, shard in zip((2, 1), shards, strict=True):
            calibrate_shard(analysis, TASK, 24, Shard(number, 2), shard)
    merge_shards(TASK, analysis, shards, 25, "2026-11-21", analysis.parent / "calibration")
    return analysis.parent / "calibration"


def test_a_shard_says_how_far_it_is(
    analysis: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(calibration_record, "ranks", made_up_ranks)
    monkeypatch.setattr(calibration_record, "simulator", lambda *_: None)
    seconds = iter(range(0, 1000, 4))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(seconds)))
    calibrate_shard(analysis, TASK, 24, Shard(2, 2), tmp_path / "2-of-2.parquet")
    said = capsys.readouterr().err.splitlines()
    # Four seconds each: every third of the twelve, and what is left at that pace.
    name = f"{TASK.model}, shard 2 of 2"
    assert said == [
        f"{name}: {done} of 12 replicates, about {left} min left"
        for done, left in ((3, 1), (6, 0), (9, 0), (12, 0))
    ]


def test_the_record_says_what_was_measured(folder: Path) -> None:
    record = read_calibration(folder)
    assert (record["replicates"], record["required"], record["complete"]) == (24, 25, False)
    # Ranks inside their bands pass nothing while replicates are missing.
    assert record["passed"] is False
    assert record["shape"]["counts"]["rows"] == 6
    assert {u["quantity"] for u in record["uniformity"]} == set(QUANTITIES)
    ranks = pd.read_parquet(folder / "ranks.parquet")
    assert ranks["replicate"].tolist() == sorted(list(range(24)) * 3)


def test_the_figure_names_what_is_outside(folder: Path, tmp_path: Path) -> None:
    ranks = pd.read_parquet(folder / "ranks.parquet")
    write_calibration_figure("m", ranks, tmp_path / "right.svg")
    assert "all inside their bands" in (tmp_path / "right.svg").read_text()
    ranks.loc[ranks["quantity"] == "log_likelihood", "rank"] = 3
    write_calibration_figure("m", ranks, tmp_path / "wrong.svg")
    drawn = (tmp_path / "wrong.svg").read_text()
    assert "outside: log_likelihood." in drawn
    write_calibration_figure("m", ranks, tmp_path / "again.svg")
    assert len(drawn) == len((tmp_path / "again.svg").read_text())


def test_it_is_current_for_what_it_was_made_of(folder: Path) -> None:
    assert stale_reasons(folder, TASK, design()) == []


def test_other_priors_make_it_stale(folder: Path) -> None:
    other = TASK.model_copy(update={"priors": PriorSet(tau=HalfNormal(sigma=0.5))})
    (said,) = stale_reasons(folder, other, design())
    assert "specification" in said
    assert "make calibrate" in said


def test_other_code_of_the_model_makes_it_stale(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The specification is the same; the code gives its prior another width."""
    monkeypatch.setattr(
        behaviour, "model_of",
        lambda made, priors: build_chain(
            made, priors.model_copy(update={"tau": HalfNormal(sigma=2)})
        ),
    )  # fmt: skip
    (said,) = stale_reasons(folder, TASK, design())
    assert "log density" in said


@pytest.mark.parametrize(("studies", "stale"), [(7, False), (5, False), (8, True), (4, True)])
def test_a_table_of_another_shape_makes_it_stale(folder: Path, studies: int, stale: bool) -> None:
    assert bool(stale_reasons(folder, TASK, design(studies))) is stale


def test_other_levels_are_another_shape() -> None:
    stored = shape_of(design())
    assert shape_differences(stored, {**stored, "hash": "x", "terms": 2})


def test_a_model_without_calibration_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="make calibrate"):
        stale_reasons(tmp_path / "none", TASK, design())


def test_shards_cover_the_replicates_once() -> None:
    parts = [list(Shard(i, 3).replicates(20)) for i in (1, 2, 3)]
    assert sum(parts, []) == list(range(20))  # noqa: RUF017
    assert Shard.parse("2/3") == Shard(2, 3)


@pytest.mark.parametrize("text", ["0/3", "4/3", "x", "1/2/3", "1", "-1/3"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(CalibrationError, match="i/n"):
        Shard.parse(text)


def stored_shard(path: Path, replicates: list[int], fitted: str) -> Path:
    ranks = pd.DataFrame({"replicate": replicates, "quantity": "tau", "rank": 3, "z": 0.0})
    ranks.assign(fitted=fitted).to_parquet(path)
    return path


@pytest.mark.parametrize(
    ("first", "second", "said"), [([0, 1], [1, 2], "twice"), ([0, 1], [3], "missing")]
)
def test_shards_that_do_not_join_are_refused(
    analysis: Path, tmp_path: Path, first: list[int], second: list[int], said: str
) -> None:
    own = identity(TASK, design())
    shards = [
        stored_shard(tmp_path / "a.parquet", first, own),
        stored_shard(tmp_path / "b.parquet", second, own),
    ]
    with pytest.raises(CalibrationError, match=said):
        merge_shards(TASK, analysis, shards, 3, "2026-11-21", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_shard_of_another_model_is_refused(analysis: Path, tmp_path: Path) -> None:
    shard = stored_shard(tmp_path / "a.parquet", [0, 1], "other")
    with pytest.raises(CalibrationError, match="another model"):
        merge_shards(TASK, analysis, [shard], 2, "2026-11-21", tmp_path / "out")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["calibrate", "rats", "--replicates", "9"], "use one of rates"),
        (["calibrate", "rates", "--replicates", "9", "--shard", "4/3"], "write for instance 2/10"),
        (["calibrate", "rates", "--replicates", "9"], "snakemake none.parquet"),
        (["calibration", "rats", "none.parquet"], "use one of rates"),
        (["coverage"], "run `snakemake data/processed/analysis/rates.parquet"),
    ],
)
def test_a_wrong_command_says_what_to_do(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {"calibrate": ["--analysis", "none.parquet", "--output", "out.parquet"],
             "calibration": ["--analysis", "none.parquet"], "coverage": []}  # fmt: skip
    done = CliRunner().invoke(main, [*words, *files[words[0]]])
    assert done.exit_code == 1
    assert said in done.output
    assert list(tmp_path.iterdir()) == []
