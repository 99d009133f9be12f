"""The field dictionary and its own consistency."""

import pytest

from meta.evidence.dictionary import DictionaryError, load_dictionary

REQUIRED = {
    "studies": ["study_id", "title", "year"],
    "arms": [
        "arm_id",
        "study_id",
        "failure_type",
        "unit",
        "n_trials",
        "sampling_frame",
        "role",
        "grade",
    ],
}
SMALL = """
vocabularies:
  colour: {{red: Red., blue: Blue.}}
patterns:
  name: {{regex: "[a-z]+", words: small letters}}
  broken: {{regex: "[", words: nothing}}
tables:
  things:
    title: Things
    key: [thing]
    fields:
      thing: {{type: id, required: true, label: Thing, meaning: A thing.}}
      other: {{{other}}}
"""


def load(tmp_path, other: str):
    path = tmp_path / "fields.yaml"
    path.write_text(SMALL.format(other=other))
    return load_dictionary(path)


def test_required_columns_are_those_of_the_contract():
    dictionary = load_dictionary()
    assert {t.name: sorted(t.required_columns) for t in dictionary if t.required} == {
        name: sorted(columns) for name, columns in REQUIRED.items()
    }


def test_it_is_read_once():
    assert load_dictionary() is load_dictionary()


def test_free_text_is_left_out_of_the_analysis():
    arms = load_dictionary()["arms"]
    free = {"note", "locator", "arm_label", "derivation", "printed_figure", "other_counts"}
    assert not free & set(arms.analysis_columns)
    assert {"n_trials", "n_goal_failure", "role", "overlap_set"} <= set(arms.analysis_columns)


def test_every_text_value_is_text():
    for table in load_dictionary():
        for field in table.fields.values():
            assert all(isinstance(value, str) for value in field.values or {})


def test_every_name_says_how_it_is_written():
    fields = [f for table in load_dictionary() for f in table.fields.values() if f.type == "id"]
    assert fields
    assert all(field.pattern for field in fields)


def test_a_consistent_dictionary_is_read(tmp_path):
    settings = "type: category, values: colour, label: Colour, meaning: A colour., example: red"
    field = load(tmp_path, settings)["things"].fields["other"]
    assert dict(field.values) == {"red": "Red.", "blue": "Blue."}


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ("type: integer, label: x", "things.other: meaning is missing"),
        ("type: whole, label: x, meaning: y", "type 'whole' is not one of"),
        ("type: text, label: x, meaning: y, lable: z", "unknown setting 'lable'"),
        ("type: category, label: x, meaning: y, values: shape", "no vocabulary 'shape'"),
        ("type: integer, label: x, meaning: y, values: colour", "only a category may have values"),
        ("type: category, label: x, meaning: y, values: colour, example: green", "example 'green'"),
        ("type: text, label: x, meaning: y, minimum: 1", "only a number may have a minimum"),
        ("type: integer, label: x, meaning: y, at_most: all", "refers to all"),
        ("type: id, label: x, meaning: y, references: plans.plan", "refers to plans.plan"),
    ],
)
def test_an_inconsistent_dictionary_is_refused(tmp_path, settings, fault):
    with pytest.raises(DictionaryError, match=fault):
        load(tmp_path, settings)


def test_an_unquoted_yes_is_refused(tmp_path):
    path = tmp_path / "fields.yaml"
    path.write_text("vocabularies: {answer: {yes: It is.}}\ntables: {}\n")
    with pytest.raises(DictionaryError, match="vocabulary answer: value True must be a quoted"):
        load_dictionary(path)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ("type: integer, label: x, meaning: y, format: link", "format 'link' does not fit"),
        ("type: text, label: x, meaning: y, format: web", "format 'web' does not fit"),
        ("type: integer, label: x, meaning: y, longest: 3", "only a text may have a greatest"),
        ("type: text, label: x, meaning: y, applies_to: all", "applies_to 'all' is not one of"),
        ("type: id, label: x, meaning: y, pattern: nmae", "there is no pattern 'nmae'"),
        ("type: text, label: x, meaning: y, pattern: name", "only a name may have a pattern"),
        ("type: id, label: x, meaning: y, pattern: name, example: X", "example 'X' does not fit"),
        ("type: id, label: x, meaning: y, pattern: broken", "cannot be read"),
        ("type: id, label: x, meaning: y, source_spelling: true", "only an open category"),
    ],
)
def test_odd_settings_are_refused(tmp_path, settings, fault):
    with pytest.raises(DictionaryError, match=fault):
        load(tmp_path, settings)


CODED = """
vocabularies:
  colour: {{red: Red., blue: Blue.}}
codebook:
  versions: {{"1": {{issued: "2026-01-01", codes: {{{codes}}}}}}}
tables:
  codings:
    title: Codings
    key: [unit]
    fields:
      unit: {{type: id, required: true, label: Unit, meaning: A unit.}}
      hue:
        {{type: category, values: colour, applies_to: both, label: Hue, meaning: A., example: red}}
"""


@pytest.mark.parametrize(
    ("codes", "fault"),
    [
        ("hue: [red]", "no version lists the code blue of hue"),
        ("hue: [red, blue, green]", "codebook 1: hue: there is no code 'green'"),
        ("hue: [red, blue], tint: [red]", "codebook 1: tint is no coded field"),
        ("hue: [red, blue], unit: [red]", "codebook 1: unit is no coded field"),
    ],
)
def test_a_codebook_that_differs_from_the_vocabulary_is_refused(tmp_path, codes, fault):
    path = tmp_path / "fields.yaml"
    path.write_text(CODED.format(codes=codes))
    with pytest.raises(DictionaryError, match=fault):
        load_dictionary(path)


def test_a_codebook_that_lists_every_code_is_read(tmp_path):
    path = tmp_path / "fields.yaml"
    path.write_text(CODED.format(codes="hue: [red, blue]"))
    assert load_dictionary(path).codebook.versions["1"].codes == {"hue": ("red", "blue")}
