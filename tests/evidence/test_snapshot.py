"""Snapshot of the models' rows: answers and agreed codes are worked out once a field."""

from collections import Counter
from pathlib import Path

from meta.evidence import codes, responses
from meta.evidence.checking import check
from meta.evidence.snapshot import _answer_hashes, _codes_hash, _model_rows
from meta.settings_file import load_settings

ROOT = Path(__file__).parents[2]


def test_models_share_answers_and_agreed_codes(monkeypatch):
    calls: Counter[tuple[str, str]] = Counter()
    for module, name in ((codes, "agreed_code"), (responses, "field_responses")):
        original = getattr(module, name)

        def counted(tables, field, *more, original=original, name=name):
            calls[name, field] += 1
            return original(tables, field, *more)

        monkeypatch.setattr(module, name, counted)
    tables, settings = check(ROOT).tables, load_settings(ROOT)
    answers = _answer_hashes(tables)
    found = _model_rows(tables, settings, answers)
    imputing = [m for m, spec in settings.models.items() if spec.imputes]
    assert len(imputing) > 1
    assert {name for name, _ in calls} == {"agreed_code", "field_responses"}
    assert set(calls.values()) == {1}
    for model in imputing:
        rows, _ = found[model]
        fields = settings.models[model].coded_fields
        assert rows["hash"].endswith(f"+{_codes_hash(answers, fields)}")
