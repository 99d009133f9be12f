"""What is generated from the field dictionary: complete, legal, and as committed."""

import json
from pathlib import Path

import duckdb
import frictionless
import pytest
import yaml

import meta.evidence
from meta.evidence.cells import type_table
from meta.evidence.checking import check
from meta.evidence.codebook import codebook_markdown, codebook_page, form
from meta.evidence.dictionary import load_dictionary
from meta.evidence.generated import (
    StaleError,
    check_generated,
    generated_files,
    stale_files,
    write_generated,
)
from meta.evidence.reading import read_bytes, read_table
from meta.evidence.table_schema import data_package
from meta.evidence.templates import template, worked_row
from tests.evidence.small_base import STUDY, arm, as_csv, checked, write

ROOT = Path(__file__).parents[2]
DICTIONARY = load_dictionary()
FIELDS = [(table, field) for table in DICTIONARY for field in table.fields.values()]
SOURCE = Path(meta.evidence.__file__).parent / "fields.yaml"


def extended(tmp_path: Path, column: str = "lab") -> Path:
    """The dictionary with one more field in the arms."""
    content = yaml.safe_load(SOURCE.read_text())
    content["vocabularies"]["lab_kind"] = {
        "public": "Run by a university.",
        "private": "By a firm.",
    }
    content["tables"]["arms"]["fields"][column] = {
        "type": "category",
        "values": "lab_kind",
        "label": "Laboratory",
        "meaning": "Who ran the trials.",
        "example": "public",
    }
    path = tmp_path / "fields.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def test_generated_files_are_as_committed():
    stale = stale_files(ROOT, DICTIONARY)
    assert not stale, f"{', '.join(stale)} differ from fields.yaml; repair with: meta dictionary"


def test_drift_is_named_with_its_repair_and_repaired(tmp_path):
    written = write_generated(tmp_path, DICTIONARY)
    assert sorted(written) == sorted(generated_files(DICTIONARY))
    check_generated(tmp_path, DICTIONARY)
    (tmp_path / "docs/codebook.md").write_text("mine\n")
    (tmp_path / "docs/schema.sql").unlink()
    (tmp_path / "data/templates/plans.csv").write_text("plan\n")
    with pytest.raises(StaleError) as caught:
        check_generated(tmp_path, DICTIONARY)
    assert caught.value.stale == ["docs/codebook.md", "docs/schema.sql", "data/templates/plans.csv"]
    assert str(caught.value).endswith("write them anew with: meta dictionary")
    assert write_generated(tmp_path, DICTIONARY) == caught.value.stale
    check_generated(tmp_path, DICTIONARY)


@pytest.mark.parametrize(("table", "field"), FIELDS, ids=lambda part: part.name)
def test_every_field_is_described(table, field):
    assert field.label.strip(), table.name
    assert field.meaning.endswith("."), field.meaning
    assert field.example.strip()
    assert field.rule.endswith(".") or field.values
    if field.applies_to:
        assert field.rule, "coders need the rule of a coded field"


@pytest.mark.parametrize("table", list(DICTIONARY), ids=lambda table: table.name)
def test_every_example_passes_its_own_check(tmp_path, table):
    path = tmp_path / f"{table.name}.csv"
    path.write_text(template(table))
    raw, found = read_table(path, path.name, table)
    typed, wrong = type_table(raw, table, path.name)
    assert found + wrong == []
    assert typed.frame[list(table.fields)].notna().all(axis=None)


def test_the_templates_together_are_a_legal_base(tmp_path):
    tables = {table.name: template(table) for table in DICTIONARY}
    worked = worked_row(DICTIONARY["arms"])
    # A contrast takes two arms and a part of a list two items, and a template has one.
    tables["arms"] = as_csv([worked, {**worked, "arm_id": "ARM002", "condition": "warned"}])
    item = worked_row(DICTIONARY["taxonomy"])
    tables["taxonomy"] = as_csv([item, {**item, "item_id": item["parent"], "parent": ""}])
    evidence = check(write(tmp_path, **tables))
    assert evidence.errors == []
    # Whoever leaves the invented rows in is told so, and of nothing else.
    warnings = {problem.code for problem in evidence.problems if problem.severity == "warning"}
    assert warnings == {"worked-row"}


def test_a_real_row_is_no_worked_row(tmp_path):
    row = {**worked_row(DICTIONARY["studies"]), "title": "Another"}
    problems = checked(tmp_path, studies=[row, {**row, **STUDY}]).problems
    assert "worked-row" not in {problem.code for problem in problems}


def test_the_codebook_says_everything():
    text = codebook_markdown(DICTIONARY)
    for table, field in FIELDS:
        assert f"### {table.name}.{field.name}\n" in text
        for said in (field.meaning, field.rule, form(field)):
            assert said in text
        for value, meaning in (field.values or {}).items():
            assert f"- `{value}`: {meaning}" in text
    assert all(f"- {sentence}" in text for sentence in DICTIONARY.codebook.guidance)


def test_the_page_has_no_markup_of_its_own():
    """An HTML page can be printed from the same structure."""
    page = codebook_page(DICTIONARY)
    assert [table.name for table in page.tables] == list(DICTIONARY.tables)
    assert page.versions == (("1", "2026-11-21"),)
    assert not any("<" in sentence or "#" in sentence for sentence in page.guidance)


def test_the_schema_file_makes_the_database():
    with duckdb.connect() as connection:
        connection.execute((ROOT / "docs/schema.sql").read_text())
        named = connection.sql("SELECT table_name FROM duckdb_tables()").fetchall()
        assert {name for (name,) in named} == set(DICTIONARY.tables)
        connection.execute("INSERT INTO studies (study_id, title, year) VALUES ('a', 'b', 2020)")
        with pytest.raises(duckdb.ConstraintException):
            connection.execute("INSERT INTO studies (study_id, title, year) VALUES ('c', 'd', 1)")


def test_frictionless_accepts_the_package_and_the_shipped_data():
    report = frictionless.Package(str(ROOT / "data/datapackage.json")).validate()
    assert report.valid, report.flatten(["rowNumber", "fieldName", "message"])
    assert sum(task.stats["rows"] for task in report.tasks) > 2000


@pytest.mark.parametrize(
    ("table", "rows", "fault"),
    [
        ("arms", [arm(role="mian")], ("role", "constraint-error")),
        ("arms", [arm(n_trials="4O")], ("n_trials", "type-error")),
        ("arms", [arm(n_trials="0")], ("n_trials", "constraint-error")),
        ("arms", [arm(), arm()], ("arm_id", "unique-error")),
        ("arms", [arm(study_id="nobody_1900")], (None, "foreign-key")),
        ("studies", [{**STUDY, "title": ""}], ("title", "constraint-error")),
        ("studies", [STUDY], None),
        ("studies", [STUDY, {**STUDY, "study_id": "a b"}], ("study_id", "constraint-error")),
        ("arms", [arm("A{1")], ("arm_id", "constraint-error")),
        ("arms", [arm("A 1")], None),
    ],
)
def test_frictionless_finds_a_bad_row(tmp_path, table, rows, fault):
    package = data_package(DICTIONARY)
    kept = {"studies": as_csv([STUDY]), "arms": as_csv([arm()]), table: as_csv(rows)}
    write(tmp_path, **kept)
    package["resources"] = [r for r in package["resources"] if r["name"] in kept]
    for resource in package["resources"]:
        # The short tables of the test have fewer columns than the schema.
        header = kept[resource["name"]].splitlines()[0].split(",")
        fields = resource["schema"]["fields"]
        resource["schema"]["fields"] = sorted(
            (field for field in fields if field["name"] in header),
            key=lambda field: header.index(field["name"]),
        )
    (tmp_path / "data/datapackage.json").write_text(json.dumps(package))
    report = frictionless.Package(str(tmp_path / "data/datapackage.json")).validate()
    found = report.flatten(["fieldName", "type"])
    assert report.valid is (fault is None)
    assert fault is None or list(fault) in [list(entry) for entry in found]


def test_what_a_schema_cannot_say_is_said():
    (codings,) = [r for r in data_package(DICTIONARY)["resources"] if r["name"] == "codings"]
    (unit,) = [field for field in codings["schema"]["fields"] if field["name"] == "unit_id"]
    assert "cases.case_id or arms.arm_id" in unit["description"]
    assert "foreignKeys" not in codings["schema"]


def test_the_pattern_of_a_name_is_that_of_the_dictionary(tmp_path):
    content = yaml.safe_load(SOURCE.read_text())
    content["patterns"]["name"] = {"regex": "[A-Z0-9]+", "words": "capitals and digits"}
    content["tables"] = {n: content["tables"][n] for n in ("studies", "arms")}
    del content["codebook"]
    content["tables"]["arms"]["fields"]["arm_id"]["example"] = "A1"
    path = tmp_path / "fields.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    dictionary = load_dictionary(path)
    files = generated_files(dictionary)
    assert "A name of capitals and digits only." in files["docs/codebook.md"]
    assert '"pattern": "[A-Z0-9]+"' in files["data/datapackage.json"]
    raw, _ = read_bytes(as_csv([arm("A1"), arm("A-2")]).encode(), "arms.csv", dictionary["arms"])
    (problem,) = type_table(raw, dictionary["arms"], "arms.csv")[1]
    assert (problem.value, problem.remedy) == ("A-2", "use capitals and digits only")
    assert "U+002D HYPHEN-MINUS at character 2" in problem.reason


def test_a_new_field_needs_only_the_dictionary(tmp_path, monkeypatch):
    dictionary = load_dictionary(extended(tmp_path))
    files = generated_files(dictionary)
    assert '"lab" VARCHAR' in files["docs/schema.sql"]
    assert "CHECK (\"lab\" IN ('public', 'private'))" in files["docs/schema.sql"]
    assert "### arms.lab\n\n**Laboratory.** Who ran the trials." in files["docs/codebook.md"]
    assert "Run by a university." in files["docs/codebook.md"]
    assert files["data/templates/arms.csv"].splitlines()[0].endswith(",lab")
    assert '"public",' in files["data/datapackage.json"]
    monkeypatch.setattr("meta.evidence.checking.load_dictionary", lambda: dictionary)
    (problem,) = checked(tmp_path, arms=[arm(lab="pubic")]).problems
    assert (problem.column, problem.code) == ("lab", "vocabulary")
    assert problem.remedy.startswith("did you mean public?")


def test_a_later_version_of_the_codebook_narrows_the_codes(tmp_path, monkeypatch):
    content = yaml.safe_load(SOURCE.read_text())
    codes = {**content["codebook"]["versions"]["1"]["codes"], "harm": ["none", "severe"]}
    content["codebook"]["versions"]["2"] = {"issued": "2027-01-01", "codes": codes}
    path = tmp_path / "fields.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    dictionary = load_dictionary(path)
    monkeypatch.setattr("meta.evidence.checking.load_dictionary", lambda: dictionary)
    case = {"case_id": "C1", "failure_type": "specification_gaming"}
    codings = [
        {"unit_id": "C1", "coder": coder, "codebook_version": version, "harm": "minor"}
        for coder, version in (("a", "1"), ("b", "2"))
    ]
    (error,) = checked(tmp_path, cases=[case], codings=codings).errors
    assert (error.line, error.column, error.code) == (3, "harm", "code-outside-version")
    assert error.remedy == "write one of none, severe, or the version that was followed"
    assert "easily noticed. Only in version 1." in codebook_markdown(dictionary)
