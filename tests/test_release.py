"""Releases, and the results they are made of: whole and of the settings in force, or refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from scipy.special import expit, softmax
from scipy.stats import binom

from meta.comparison import changes_since_release
from meta.errors import UserError
from meta.preview import preview
from meta.release import ReleaseError, latest_release, make_release
from meta.settings_file import load_settings
from tests.evidence.small_base import arm, as_csv
from tests.stored_run import ARMS, MODELS, draws, edit, finished_run

HIGH = arm("A4", study_id="jones_2024", n_trials="8", n_capable="6", n_at_risk="6",
           n_goal_failure="6")  # fmt: skip
SHIPPED = Path(__file__).parents[1]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return finished_run(tmp_path / "base")


def changes(base: Path) -> dict:
    return changes_since_release(base, load_settings(base), ["rates"])


def set_settings(base: Path, **content: object) -> None:
    (base / "config/config.yaml").write_text(yaml.safe_dump({"models": MODELS, **content}))


def test_numbers_that_come_and_go_are_named_with_why_nothing_is_attributed(base: Path) -> None:
    assert changes(base)["attribution_reason"] == "there is no release to compare with"
    make_release(base, "first")
    path = base / "data/processed/fits/rates/pooled.csv"
    before = path.read_text()
    path.write_text(before.replace("rate_mean", "rate_typical"))
    found = changes(base)
    assert found["pooled"]["data"] == []
    (gone,), (new,) = found["pooled_removed"], found["pooled_added"]
    assert (gone["estimand"], new["estimand"]) == ("rate_mean", "rate_typical")
    # Released numbers are rounded to ten digits.
    assert gone["before"] == pytest.approx(new["after"], rel=1e-9)
    assert set(gone) - set(new) == {"before"}
    assert "1 pooled number added; 1 pooled number gone since the release first" in found["message"]
    assert found["attribution"] == []
    assert found["attribution_reason"] == "no row of the studies or the arms has changed"
    json.dumps(found, allow_nan=False)
    path.write_text(before)
    found = changes(base)
    assert (found["pooled_removed"], found["pooled_added"]) == ([], [])
    assert "Nothing has changed" in found["message"]
    control = arm("A4", study_id="jones_2024", role="control")
    finished_run(base, [*ARMS, control])
    found = changes(base)
    assert found["rows"]["arms"]["added"] == ["A4"]
    assert found["attribution_reason"] == "no changed row is one that the primary model reads"


def test_what_moved_numbers_of_the_same_rows_and_specifications_is_told(base: Path) -> None:
    make_release(base, "first")
    folder = base / "data/processed/fits/rates"
    table = pd.read_csv(folder / "pooled.csv")
    table["mean"] += table["sd"]
    table.to_csv(folder / "pooled.csv", index=False)
    message = changes(base)["message"]
    assert message.startswith("No row, specification or prior changed since the release first")
    same = "Specifications and rows are the same"
    assert message.endswith(f"{same}, so the code or the draws differ.")
    manifest = base / "releases/first/manifest.json"
    record = json.loads((folder / "fit.json").read_text())
    record["provenance"]["code"] = "now"
    (folder / "fit.json").write_text(json.dumps(record))
    content = json.loads(manifest.read_text())
    content["models"]["rates"]["fitted"]["code"] = "then"
    manifest.write_text(json.dumps(content))
    assert changes(base)["message"].endswith(
        f"{same}; the code that fits the models that moved, or a library of it, changed."
    )


def test_an_added_arm_of_many_failures_has_raised_the_rate(base: Path) -> None:
    make_release(base, "first")
    assert changes(base)["rows"] == {}
    finished_run(base, [*ARMS, HIGH])
    found = changes(base)
    assert found["rows"]["arms"]["added"] == ["A4"]
    (entry,) = found["attribution"]
    assert (entry["id"], entry["rows"]) == ("jones_2024", ["A4"])
    assert entry["reliable"], entry["reason"]
    (move,) = entry["moves"]
    # By hand: without the arm each draw weighs one over the arm's likelihood.
    posterior = draws()
    rate = expit(posterior["alpha"].ravel())
    log_weight = -binom.logpmf(6, 6, expit(posterior["study_logit"][:, :, 1, 0].ravel()))
    weight = softmax(log_weight)
    assert move["difference"] > 0
    assert move["difference"] == pytest.approx(rate.mean() - weight @ rate, rel=0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gate": {"r_hat": 1.001}}, "gate has changed.*r_hat is 1.001, checked with 1.01"),
        ({"codes": {"prior": {"accuracy": 0.7}}}, "codes changed in the settings"),
        ({"seed": 1}, "sampler or seed have changed"),
        ({"sampler": {"tune": 1001}}, "sampler or seed have changed"),
    ],
)
def test_results_of_other_settings_are_not_released(
    base: Path, settings: dict, message: str
) -> None:
    now = load_settings(base).model_dump(mode="json")
    used = {name: now[name] for name in ("codes", "sampler", "seed", "gate")}
    if "gate" not in settings:
        edit(base / "data/processed/analysis/index.json", codes="coded")
    record = base / "data/processed/codes/codes.json"
    record.parent.mkdir()
    record.write_text(json.dumps({"settings": used, "fields": {"harm": {"passed": True}}}))
    set_settings(base, **settings)
    with pytest.raises(ReleaseError, match=message):
        make_release(base)
    set_settings(base)
    make_release(base, "same")
    edit(record, fields={"harm": {"passed": False}})
    if "gate" not in settings:
        with pytest.raises(ReleaseError, match="codes of harm did not pass"):
            make_release(base, "failed")


def test_a_check_that_was_not_made_is_not_passed(base: Path) -> None:
    edit(base / "data/processed/fits/rates/fit.json", checks={})
    with pytest.raises(ReleaseError, match=r"e_bfmi is 0\.3, checked with none"):
        make_release(base)


HALF = [
    ("fits/rates/fit.json", ""),
    ("fits/rates/fit.json", "{}"),
    ("fits/rates/fit.json", "[]"),
    ("fits/rates/draws.parquet", ""),
    ("fits/rates/pooled.csv", ""),
    ("fits/rates/pooled.csv", "model,outcome\n"),
    ("fits/rates/posterior.nc", ""),
    ("analysis/rates.parquet", ""),
    ("evidence.duckdb", ""),
    ("evidence.duckdb", "half"),
]


@pytest.mark.parametrize(("name", "text"), HALF)
def test_half_written_results_are_named_with_what_to_do(
    base: Path, tmp_path: Path, name: str, text: str
) -> None:
    row = tmp_path / "row.csv"
    row.write_text(as_csv([HIGH]))
    make_release(base, "first")
    finished_run(base, [*ARMS[:2], {**ARMS[2], "n_goal_failure": "9"}])
    (base / "data/processed" / name).write_text(text)

    def refused(run: Callable[[], object]) -> None:
        with pytest.raises(UserError, match="remove it and run `snakemake --cores 8`") as caught:
            run()
        assert str(base / "data/processed" / name) in str(caught.value)

    refused(lambda: changes(base))
    if name != "evidence.duckdb":
        refused(lambda: preview(base, {row: None}))
    if "draws" not in name and "posterior" not in name:
        refused(lambda: make_release(base, "second"))


def test_a_release_is_whole_or_named_with_what_to_do(base: Path) -> None:
    folder = make_release(base, "first")
    whole = latest_release(base)
    assert whole is not None
    files = [p for p in folder.rglob("*") if p.is_file()]
    assert len(files) > 3
    for path in files:
        text = path.read_text()
        lines = text.splitlines(keepends=True)
        conflict = "<<<<<<< HEAD\n"
        broken = ["", "{}", "[]", conflict + text, lines[0] + conflict + "".join(lines[1:]),
                  text + conflict, text + lines[-1], None]  # fmt: skip
        for content in broken:
            path.unlink() if content is None else path.write_text(content)
            with pytest.raises(ReleaseError, match="from version control") as caught:
                changes(base)
            assert str(path) in str(caught.value)
        path.write_text(text)
    for wrong in (
        {"schema": 2}, {"made": "2027"}, {"models": {"rates": {}}}, {"rows": {"arms": 7}},
        {"rows": []}, {"name": None},
    ):  # fmt: skip
        text = (folder / "manifest.json").read_text()
        edit(folder / "manifest.json", **wrong)
        with pytest.raises(ReleaseError, match="restore it from version control"):
            changes(base)
        (folder / "manifest.json").write_text(text)
    half = {"made": "2027", "name": "half", "rows": {}}
    (folder.parent / "half").mkdir()
    (folder.parent / "half/manifest.json").write_text(json.dumps(half))
    with pytest.raises(ReleaseError, match=r"half/manifest\.json.*schema.*models"):
        changes(base)


def test_the_shipped_release_is_whole() -> None:
    found = latest_release(SHIPPED)
    assert found is not None
    assert set(found.pooled["model"]) == set(found.manifest["models"])
    assert found.pooled["passed"].all()
    folder = SHIPPED / "releases" / found.manifest["name"] / "rows"
    for table, count in found.manifest["rows"].items():
        with (folder / f"{table}.csv").open(newline="", encoding="utf-8") as file:
            assert len(list(csv.reader(file))) == count + 1, table
