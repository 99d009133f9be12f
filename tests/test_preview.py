"""What a preview says of each proposed row."""

from __future__ import annotations

from pathlib import Path

import yaml

from meta.preview import preview
from tests.evidence.coding_base import codings
from tests.stored_run import MODELS, finished_run

SHIFT = {"stages": ["goal_failure"], "levels": ["study"], "moderators": ["shift_type"]}


def fates(base: Path, file: Path, **models: object) -> list[str]:
    content = {"models": {**MODELS, **models}}
    (base / "config/config.yaml").write_text(yaml.safe_dump(content))
    found = preview(base, {file: "codings"})
    imputing = [m.model for m in found.models if m.reason.startswith("reads imputed codes")]
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
