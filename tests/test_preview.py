"""What a preview says of each proposed row."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from meta.cli import main
from meta.errors import UserError
from meta.inference import quick
from meta.preview import ModelPreview, Moved, Preview, not_previewed, preview, start_preview
from meta.preview.text import format_preview
from meta.settings_file import load_settings
from meta.stored import rate_models
from tests.evidence.coding_base import codings
from tests.evidence.small_base import arm, as_csv, write
from tests.stored_run import ARMS, MODELS, STUDIES, edit, finished_run

SHIPPED = Path(__file__).parents[1]
SHIFT = {"stages": ["goal_failure"], "levels": ["study"], "moderators": ["shift_type"]}


def fates(base: Path, file: Path, **models: object) -> list[str]:
    content = {"models": {**MODELS, **models}}
    (base / "config/config.yaml").write_text(yaml.safe_dump(content))
    found = preview(base, {file: "codings"})
    imputing = [m.model for m in found.models if "reads imputed codes" in m.reason]
    assert imputing == [n for n in models if "agreed" not in str(models[n])]
    return [row["fate"] for row in found.rows]


def test_a_coding_may_move_the_models_that_read_codes(tmp_path: Path) -> None:
    base = finished_run(tmp_path / "base")
    file = tmp_path / "codings.csv"
    codings([("A1", "ann", "none")], "shift_type").to_csv(file, index=False)
    assert fates(base, file) == ["no rate model reads codes: no rate moves"]
    (fate,) = fates(base, file, by_shift=SHIFT)
    assert fate == "may change the imputed codes of by_shift: a run shows how"
    (fate,) = fates(base, file, by_shift={**SHIFT, "codes": "agreed"})
    assert fate == "changes no agreed code that by_shift reads"


def test_models_that_are_not_previewed_are_named_with_the_reason(tmp_path: Path) -> None:
    settings = load_settings(SHIPPED)
    specs, found = settings.models, {m.model: m for m in not_previewed(settings)}
    assert set(found) | set(rate_models(settings)) == set(specs)
    assert not set(found) & set(rate_models(settings))
    for name, spec in specs.items():
        if spec.frame == "contrasts":
            assert "contrasts" in found[name].reason
        elif spec.frame == "case_series":
            assert "composition" in found[name].reason
    assert {"contrasts", "case_series"} <= {spec.frame for spec in specs.values()}
    base = finished_run(tmp_path / "base")
    pairs = {
        "frame": "contrasts",
        "stages": ["goal_failure"],
        "levels": ["study", "arm"],
        "likelihood": "binomial",
    }
    content = {"models": {**MODELS, "pairs": pairs}}
    (base / "config/config.yaml").write_text(yaml.safe_dump(content))
    text = "\n".join(format_preview(preview(base, {}, remove=["A3"])))
    assert "pairs: not previewed: models contrasts" in text


def test_rows_of_a_folder_are_listed_with_what_becomes_of_them(tmp_path: Path) -> None:
    base = finished_run(tmp_path / "base")
    arms = [
        {**ARMS[0], "note": "read again"},
        {**ARMS[1], "n_goal_failure": "13"},
        arm("A4", role="control"),
    ]
    edited = write(tmp_path / "edited", studies=STUDIES[:2], arms=arms) / "data/raw"
    found = preview(base, {}, folder=edited)
    assert {(r["table"], r["id"], r["action"]): r["fate"] for r in found.rows} == {
        ("studies", "brown_2025", "removed"): "is a study; its arms are what is pooled",
        ("arms", "A2", "changed"): "changes what rates pools",
        ("arms", "A3", "removed"): "changes what rates pools",
        ("arms", "A4", "added"): "is not pooled, because role is control (pooled: main): "
        "nothing moves",
    }
    assert "arms A4 (added): is not pooled, because role is control" in "\n".join(
        format_preview(found)
    )


def test_an_error_in_a_preview_does_not_speak_of_ingestion(tmp_path: Path) -> None:
    base = finished_run(tmp_path / "base")
    edited = write(tmp_path / "edited", studies=STUDIES, arms=[arm(n_trials="x")]) / "data/raw"
    with pytest.raises(UserError) as error:
        preview(base, {}, folder=edited)
    assert str(error.value).endswith("1 error\nnothing was previewed")
    with pytest.raises(UserError, match="nothing was previewed"):
        preview(base, {edited / "arms.csv": None})


def test_numbers_within_their_error_are_counted() -> None:
    summary = {"mean": 0.3, "median": 0.3, "ci_low": 0.2, "ci_high": 0.4}
    far = Moved("goal_failure", "all", "rate_mean", summary, summary, 0.05, 0.5, 0.01)
    near = Moved("goal_failure", "all", "rate_new", summary, summary, 0.019, 0.1, 0.01)
    rows = [{"table": "arms", "id": f"A{n}", "action": "added", "fate": "x"} for n in range(41)]
    model = ModelPreview("rates", True, "reweighted", "", draws=4000, estimates=[far, near])
    lines = "\n".join(format_preview(Preview(rows, [model]))).splitlines()
    assert "and 1 more row; --json lists them" in lines
    assert sum("->" in line for line in lines) == 1
    assert lines[-1] == (
        "  1 other number moves by no more than its Monte Carlo error: goal_failure rate_new"
    )
    far_too = Moved("goal_failure", "all", "tau", summary, summary, 0.05, 0.5, 0.01)
    more = ModelPreview("rates", True, "reweighted", "", estimates=[far, far_too])
    lines = "\n".join(format_preview(Preview([], [more]))).splitlines()
    assert lines[-1] == "  1 further number with --json"
    still = ModelPreview("rates", True, "reweighted", "", draws=4000, estimates=[near, near])
    lines = "\n".join(format_preview(Preview([], [still]))).splitlines()
    assert lines[-1] == (
        "  2 numbers move by no more than their Monte Carlo error: "
        "goal_failure rate_new, goal_failure rate_new"
    )
    assert not any("median and interval" in line for line in lines)


def absurd(base: Path, **models: object) -> Path:
    """Settings with more models, and a file with an arm that no stored draw can bear."""
    (base / "config/config.yaml").write_text(yaml.safe_dump({"models": {**MODELS, **models}}))
    rows = [arm("A9", study_id="jones_2024", n_trials="10000", n_capable="", n_at_risk="10000",
                conditioning="all_trials", n_goal_failure="9990")]  # fmt: skip
    (base / "arms.csv").write_text(as_csv(rows))
    return base / "arms.csv"


def test_a_refit_comes_last_and_is_announced_with_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = finished_run(tmp_path / "base")
    file = absurd(base, other={**MODELS["rates"], "primary": False, "likelihood": "beta_binomial"})
    record = base / "data/processed/fits/rates/fit.json"
    sampler = load_settings(base).task("rates").sampler
    steps = quick.DRAWS + quick.TUNE
    sample = 7.0 * (sampler.draws + sampler.tune) / steps
    edit(record, times={"compile": 20.0, "sample": sample})
    stored = pd.read_csv(base / "data/processed/fits/rates/pooled.csv")
    said: list[str] = []

    def fit(*_: object) -> quick.QuickFit:
        said.append("fit")
        return quick.QuickFit(stored, 4000, [])

    monkeypatch.setattr(quick, "quick_fit", fit)
    started = start_preview(base, {file: None}, announce=said.append)
    assert started.rows[0]["fate"] == "changes what rates pools"
    assert said == []
    first = next(started.models)
    assert (first.model, first.method) == ("other", "none")
    assert said == []
    last = next(started.models)
    assert (last.model, last.method) == ("rates", "refitted")
    assert said[0].startswith("rates: Pareto k ")
    assert "refitting it with fewer draws; the last run's times let expect 27 s" in said[0]
    assert said[1:] == ["fit"]
    assert [m.model for m in preview(base, {file: None}).models] == ["rates", "other"]


def test_without_a_refit_the_model_says_how_to_have_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = finished_run(tmp_path / "base")
    file = absurd(base)
    monkeypatch.setattr(quick, "quick_fit", None)
    done = CliRunner().invoke(
        main, ["preview", str(file), "--directory", str(base), "--no-refit"], catch_exceptions=False
    )
    assert done.exit_code == 0
    assert "rates (primary): needs a refit: Pareto k" in done.stdout
    assert "; --model rates refits it" in done.stdout
    assert done.stderr == ""
