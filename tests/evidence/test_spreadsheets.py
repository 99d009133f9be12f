"""What spreadsheets do to CSV: survived without a change, or named."""

import pytest

from meta.evidence.checking import check
from tests.evidence.small_base import STUDY, arm, as_csv, checked, places, write

HEADER = "study_id,title,year\n"
GOOD = HEADER + 'smith_2024,"A study, of\nsorts",2024\nroe_2025,B,2025\n'
LONG = "x" * 10_000_000


def each(tmp_path, column, values):
    """Problems of arms that hold one of the values each, extra columns apart."""
    rows = [
        arm(**{"arm_id": f"B{i}", "condition": f"c{i}", column: value})
        for i, value in enumerate(values)
    ]
    return [p for p in checked(tmp_path, arms=rows).problems if p.severity != "note"]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("\n", "\r").encode(),
        GOOD.replace("\nroe", "\n\n  \n,,\n\nroe").encode() + b"\n,,\n\n",
        GOOD.replace("year\n", "year,,\n").replace("4\n", "4,,\n").replace("5\n", "5,,\n").encode(),
        GOOD.replace("roe_2025,B", " roe_2025\u00a0,\tB ").encode(),
        GOOD.replace("study_id,title", '"study_id"," title"').encode(),
        GOOD.rstrip("\n").encode(),
        GOOD.replace("2025\n", "+2025\n").encode(),
        GOOD.replace("2025\n", "002025\n").encode(),
    ],
    ids=[
        "bom", "crlf", "cr", "blank_lines", "trailing_commas", "spaces", "quoted_header",
        "no_last_newline", "plus", "leading_zeros",
    ],
)  # fmt: skip
def test_survived(tmp_path, content):
    evidence = checked(tmp_path, studies=content)
    assert {p.code for p in evidence.problems} == {"study-unused"}
    table = evidence.tables["studies"]
    assert table["study_id"].tolist() == ["smith_2024", "roe_2025"]
    titles = [title.replace("\r\n", "\n").replace("\r", "\n") for title in table["title"]]
    assert titles == ["A study, of\nsorts", "B"]
    assert table["year"].tolist() == [2024, 2025]


@pytest.mark.parametrize(
    ("content", "line", "reason", "remedy"),
    [
        (HEADER.encode() + b"a,Caf\xe9,2024\n", 2, "(in Windows-1252 it is é)", "UTF-8"),
        (HEADER.encode() + b"a,\x93B\x94,2024\n", 2, "(in Windows-1252 it is “)", ""),
        (HEADER + "a,“B, of sorts”,2024\n", 2, "4 cells, more than the 3", "not curly ones"),
        (GOOD.encode("utf-16"), 1, "the file is UTF-16", "UTF-8"),
        (GOOD.encode("utf-16-le"), 1, "seems to be UTF-16", "UTF-8"),
        (GOOD.replace(",", ";"), 1, "separated by semicolons", "with the comma"),
        (GOOD.replace(",", "\t"), 1, "separated by tabs", "with the comma"),
        (HEADER + "a,b\0,2024\n", 2, "contains NUL bytes", "remove them"),
        (HEADER + f"a,{LONG},2024\n", 2, "longer than 100 kB", "shorten it"),
        (HEADER + "a,b,2024\n" + ",".join("x" * 500) + "\n", 3, "500 cells, more", "quotes"),
        (HEADER + "a,2024\n", 2, "2 cells, fewer than the 3", "missing commas"),
        ("Table 1: our studies,,\n" + GOOD, 1, "the header stands on line 2", "remove the lines"),
        ("Table 1\n" + GOOD, 1, "the header seems to stand below", "remove the lines above"),
        (",Counts,\n" + GOOD, 1, "the header stands on line 2", "remove the lines above"),
        (HEADER + "Study,Title,Year\na,b,2024\n", 2, "a header of two lines", "one header line"),
        ("study_id,title,\na,b,2024\n", 2, "column 3, which has no name", "name the column"),
        ("study_id,title,year,title\na,b,2024,c\n", 1, "names the column 2 times", "keep one"),
        ("study_id,title,year,no\u200bte\na,b,2024,c\n", 1, "ZERO WIDTH SPACE", "write note"),
        ("Study ID,title,year\na,b,2024\n", 1, "required column is missing", "rename the column"),
        ("study_id,title,year,Authors\na,b,2024,c\n", 1, "by letter case", "rename it to authors"),
    ],
)  # fmt: skip
def test_named_in_a_file(tmp_path, content, line, reason, remedy):
    write(tmp_path, studies=content, arms=as_csv([arm()]).split("\n")[0])
    found = [p for p in check(tmp_path).errors if reason in p.reason]
    assert [(p.file, p.line) for p in found] == [("data/raw/studies.csv", line)]
    assert remedy in found[0].remedy


def test_an_unclosed_quote_names_its_line_and_hides_no_other_problem(tmp_path):
    text = HEADER + 'a,b,2024\nc,"d,2024\ne,f,20x5\ng,"h, i",2O24\nj,k,2024\n'
    found = places(checked(tmp_path, studies=text, arms=as_csv([arm()]).split("\n")[0]).errors)
    assert found == [
        ("studies.csv", 3, "", "error"),
        ("studies.csv", 4, "year", "error"),
        ("studies.csv", 5, "year", "error"),
    ]


@pytest.mark.parametrize("tail", ["", 'x,"y",2024\n'])
def test_an_unclosed_quote_at_the_end_names_its_line(tmp_path, tail):
    text = HEADER + "a,b,2024\n" * 3 + 'c,"d,2024\n' + tail
    found = [p for p in checked(tmp_path, studies=text).errors if "quote" in p.reason]
    assert [p.line for p in found] == [5]


def test_one_bad_file_does_not_hide_the_problems_of_another(tmp_path):
    bad = {"studies": GOOD.encode("utf-16"), "cases": "case_id;failure_type\nC1;x\n"}
    found = places(checked(tmp_path, arms=[arm(n_trials="1e1")], **bad).errors)
    assert {(file, line) for file, line, _, _ in found} == {
        ("studies.csv", 1), ("arms.csv", 2), ("cases.csv", 1),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "reason", "remedy"),
    [
        ("1,234", "not a whole number", "without separators: 1234"),
        ("1.234", "not a whole number", "write 1234 if the point separates thousands"),
        ("1.000", "not a whole number", "write 1000 if the point separates thousands"),
        ("1 234", "not a whole number", "without separators: 1234"),
        ("1\u00a0234", "not a whole number", "without separators: 1234"),
        ("1\u202f234\u202f567", "not a whole number", "without separators: 1234567"),
        ("1'234", "not a whole number", "without separators: 1234"),
        ("1’234", "not a whole number", "without separators: 1234"),
        ("1e3", "not a whole number", "exponent: 1000"),
        ("1E+03", "not a whole number", "exponent: 1000"),
        ("24.0", "not a whole number", "exponent: 24"),
        ("0,5", "not a whole number", "if 0.5 is a proportion"),
        ("“24”", "not a whole number", "without quotes: 24"),
        ("'24", "not a whole number", "without quotes: 24"),
        ("Mar-24", "looks like a date", "formatted as text"),
        ("24-Mar", "looks like a date", "formatted as text"),
        ("2024-03-24", "not a whole number", "digits only"),
        ("TRUE", "not a whole number", "digits only"),
        ("#REF!", "a spreadsheet's error", "write the value"),
        ("#####", "a spreadsheet's error", "too narrow"),
        ("#N/A", "a spreadsheet's error", "write the value"),
        ("0x10", "not a whole number", "digits only"),
        ("1_000", "not a whole number", "digits only"),
        ("١٢", "not a whole number", "digits 0 to 9: 12"),
        ("１２", "not a whole number", "digits 0 to 9: 12"),
        ("−5", "not a whole number", "digits 0 to 9: -5"),
        ("9" * 19, "not a whole number", "so many digits"),
        ("9" * 90_000 + "x", "not a whole number", "digits only"),
        ("-5", "less than 0", "correct the number"),
        ("1\u200b2", "not a whole number", "digits only"),
        ("-1+1", "formula", "write the value"),
    ],
)
def test_no_count_is_changed_in_silence(tmp_path, value, reason, remedy):
    evidence = checked(tmp_path, arms=[arm(n_goal_failure=value)])
    assert len(evidence.errors) == 1
    problem = evidence.errors[0]
    assert (problem.line, problem.column, problem.value) == (2, "n_goal_failure", value)
    assert reason in problem.reason
    assert remedy in problem.remedy


@pytest.mark.parametrize(("value", "count"), [("-0", 0), ("+7", 7), (" 007 ", 7), ("7\u00a0", 7)])
def test_other_spellings_of_the_same_count(tmp_path, value, count):
    evidence = checked(tmp_path, arms=[arm(n_goal_failure=value)])
    assert evidence.problems == []
    assert evidence.tables["arms"].loc[0, "n_goal_failure"] == count


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ("1,234", "write 1234 or 1.234, whichever is meant"),
        ("1.234,5", "write a plain number"),
        ("1e999", "correct it: it is too large"),
        ("inf", "write a plain number"),
        ("NaN", "leave the cell blank"),
        ("1;5", "write a plain number"),
    ],
)
def test_numbers_are_not_guessed(tmp_path, value, remedy):
    claim = {"claim_id": "C1", "quantity": "p", "statistic": "point", "value": value}
    errors = checked(tmp_path, claims=[claim]).errors
    assert [error.value for error in errors] == [value]
    assert errors[0].remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("value", "reason", "remedy"),
    [
        ("45982", "a spreadsheet's number of the day 2025-11-21", "write 2025-11-21"),
        ("45982.0", "a spreadsheet's number of the day 2025-11-21", "write 2025-11-21"),
        ("21/11/2026", "is not a date", "such as 2026-11-21"),
        ("11/21/26", "is not a date", "such as 2026-11-21"),
        ("3/4/26", "is not a date", "2026-04-03 or 2026-03-04, whichever is meant"),
        ("21.11.2026", "is not a date", "such as 2026-11-21"),
        ("20261121", "is not a date", "year-month-day"),
        ("2026-11-21T00:00", "is not a date", "year-month-day"),
        ("٢٠٢٦-١١-٢١", "is not a date", "year-month-day"),
    ],
)
def test_dates_turned_to_something_else(tmp_path, value, reason, remedy):
    errors = checked(tmp_path, arms=[arm(added_on=value)]).errors
    assert [(error.column, error.value) for error in errors] == [("added_on", value)]
    assert reason in errors[0].reason
    assert remedy in errors[0].remedy


FORMULAS = [
    '=HYPERLINK("http://x","y")', "@cmd", "+1+1", "-1+1", "-1+cmd|' /C calc'!A0", "=1", "+A1",
    " =1", "\t=1", '"=1', "'=1", "＝1+1", "＋A1", "－A1", "＠x", "\u200b=1", "- item", "-2*3",
    "-5-3", "+1-555-1234", "=", "-" + "1" * 90_000 + "+1",
]  # fmt: skip


@pytest.mark.parametrize("column", ["note", "environment", "role", "n_trials", "added_on", "extra"])
def test_formulas_are_refused(tmp_path, column):
    errors = each(tmp_path, column, FORMULAS)
    assert [(e.value, e.reason) for e in errors] == [
        (value.strip(), "is a spreadsheet formula") for value in FORMULAS
    ]


def test_texts_that_are_no_formulas(tmp_path):
    values = [
        "-5", "-5 C at night", "-.5 points", "+32% to +170%", "-5 to +7", "-", "-1,000 points",
        "-1e-3 a step", "a = b", "x@y.org", "5-3", "– item", "-5 (sd 2)", "“A” said", "'quoted'",
        "-" + "1" * 90_000, "-" + "1," * 40_000,
    ]  # fmt: skip
    rows = [arm(f"A{i}", note=value) for i, value in enumerate(values)]
    evidence = checked(tmp_path, arms=rows)
    assert evidence.problems == []
    assert evidence.tables["arms"]["note"].tolist() == values


@pytest.mark.parametrize("column", ["note", "environment", "extra"])
def test_spreadsheet_errors_are_refused_in_texts(tmp_path, column):
    values = ["#REF!", "#N/A", "#DIV/0!", "#NAME?", "###", "#VALUE!", "Err:502"]
    errors = each(tmp_path, column, values)
    assert [error.value for error in errors] == values
    assert all("a spreadsheet's error" in error.reason for error in errors)


@pytest.mark.parametrize("column", ["printed_figure", "environment", "arm_id"])
def test_fractions_turned_to_dates_are_pointed_out(tmp_path, column):
    values = ["Mar-24", "24-Mar", "3-Jun-2024"]
    problems = each(tmp_path, column, values)
    assert [(p.value, p.severity) for p in problems] == [(value, "warning") for value in values]
    assert "perhaps of 3/24" in problems[0].reason


DECEIVING = {
    "A\u00a01": "U+00A0 NO-BREAK SPACE at character 2",
    "A\u200b1": "U+200B ZERO WIDTH SPACE at character 2",
    "\u200eA1": "U+200E LEFT-TO-RIGHT MARK at character 1",
    "A1\u202e": "U+202E RIGHT-TO-LEFT OVERRIDE at character 3",
    "A\ufeff1": "U+FEFF ZERO WIDTH NO-BREAK SPACE at character 2",
    "A\t1": "U+0009 at character 2",
    "A\n1": "U+000A at character 2",
    "А1": "U+0410 CYRILLIC CAPITAL LETTER A at character 1, which looks like",
    "Cafe\u0301": "not in Unicode form NFC",
    "A١": "U+0661 ARABIC-INDIC DIGIT ONE at character 2",
    "Ａ1": "U+FF21 FULLWIDTH LATIN CAPITAL LETTER A at character 1",
}


@pytest.mark.parametrize("column", ["arm_id", "environment", "role"])
def test_characters_that_deceive_are_named_in_ids_and_categories(tmp_path, column):
    problems = sorted(each(tmp_path, column, list(DECEIVING)), key=lambda problem: problem.line)
    assert [p.value for p in problems] == list(DECEIVING)
    for problem, said in zip(problems, DECEIVING.values(), strict=True):
        assert said in problem.reason
        look_alike = column == "environment" and "looks like" in said
        assert problem.severity == ("warning" if look_alike else "error")


def test_other_alphabets_are_fine(tmp_path):
    values = ["Café", "λ-calculus", "β-VAE", "naïve × 2", "日本語", "R²"]
    assert each(tmp_path, "environment", values) == []


@pytest.mark.parametrize(("value", "write"), [("TRUE", "yes"), ("False", "no")])
def test_truth_values_in_place_of_yes_and_no(tmp_path, value, write):
    codings = [{"unit_id": "A1", "coder": "x", "goal_failure": value}]
    errors = checked(tmp_path, codings=codings).errors
    assert [error.column for error in errors] == ["goal_failure"]
    assert errors[0].remedy.startswith(f"write {write},")


def test_names_that_differ_by_letter_case(tmp_path):
    rows = [arm("ARM001"), arm("arm001"), arm("A2", study_id="Smith_2024")]
    found = checked(tmp_path, arms=rows, studies=[STUDY]).problems
    case, unknown = sorted(found, key=lambda problem: problem.line)
    assert (case.line, case.severity) == (3, "warning")
    assert case.reason == "differs only by letter case from the arm_id on line 2"
    assert unknown.line == 4
    assert unknown.remedy.startswith("did you mean smith_2024?")


@pytest.mark.parametrize("code", [*range(1, 32), *range(0x7F, 0xA0)])
def test_control_characters_are_errors_in_every_field(tmp_path, code):
    character = chr(code)
    title, text = f"a{character}b", f"é£{character}\u202f."
    study = {**STUDY, "title": title, "how_read": text, "source_type": title, "lab": title}
    columns = {p.column for p in checked(tmp_path, studies=[study]).errors}
    if character in "\t\n\r":
        assert columns == {"source_type"}
    else:
        assert columns == {"title", "how_read", "source_type", "lab"}


@pytest.mark.parametrize("sign", list("{},=#%\"'\\\\~ ()/;@&$^[]|<>*?!"))
def test_signs_that_break_a_key_are_refused_in_ids(tmp_path, sign):
    error = checked(tmp_path, studies=[STUDY, {**STUDY, "study_id": f"zz{sign}b"}]).errors[0]
    assert (error.column, error.line) == ("study_id", 3)
    assert f"contains U+{ord(sign):04X}" in error.reason
    assert "use letters, digits and _ - . : + only" in error.remedy


def test_letters_of_any_script_and_plain_signs_may_stand_in_ids(tmp_path):
    names = ("müller_2024", "王_2024", "हिन्दी_2024", "a-b.c:d+e")
    studies = [STUDY, *({**STUDY, "study_id": name, "title": name} for name in names)]
    assert checked(tmp_path, studies=studies).errors == []
    case = {"case_id": "C 1", "failure_type": "specification_gaming"}
    assert checked(tmp_path, cases=[case]).errors == []
    (error,) = checked(tmp_path, cases=[{**case, "case_id": "C {1"}]).errors
    assert "contains U+007B LEFT CURLY BRACKET at character 3" in error.reason
