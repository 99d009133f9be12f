"""Citations against works: what counts as a difference, and what does not."""

import pandas as pd
import pytest

from meta.audit.citations import citation_findings
from meta.finding import findings_table

RIGHT = {
    "citation_id": "CIT001", "document": "a.txt", "place": "References, 1",
    "cited_authors": "Doe; others", "cited_year": 2024, "cited_title": "Gaming in Deep RL",
    "cited_organisation": "Lab", "cited_for": "gaming",
    "found_authors": "Doe; Roe", "found_year": 2023, "found_published": 2024,
    "found_title": "Gaming in Deep Reinforcement Learning: A Survey",
    "found_organisation": "Lab; Other Lab", "found_about": "gaming", "found_basis": "secondary",
    "link_said_dead": "no", "study_id": pd.NA,
}  # fmt: skip


def findings(*rows: dict, **tables: pd.DataFrame) -> list[str]:
    return [each.finding for each in citation_findings(pd.DataFrame(list(rows)), **tables)]


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({}, []),
        ({"cited_year": 2023}, []),
        ({"cited_year": 2022}, ["wrong_year"]),
        ({"cited_year": 2025}, ["wrong_year"]),
        ({"cited_authors": "doe"}, ["left_out_author"]),
        ({"cited_authors": "doe", "found_authors": "Doe; others"}, []),
        ({"cited_authors": "Döe; Roe"}, []),
        ({"cited_authors": "Doe (Jane); Roe"}, []),
        ({"cited_authors": "Roe; Doe"}, ["wrong_author"]),
        ({"cited_title": "gaming in deep reinforcement learning"}, []),
        ({"cited_title": "A survey"}, []),
        ({"cited_title": "Gam"}, ["wrong_title"]),
        ({"cited_title": "Gaming in Shallow RL"}, ["wrong_title"]),
        ({"cited_organisation": "other lab"}, []),
        ({"cited_organisation": "Third Lab"}, ["wrong_organisation"]),
        ({"found_about": "sycophancy"}, ["wrong_subject"]),
        ({"link_said_dead": "yes"}, ["dead_link"]),
    ],
)
def test_a_difference_is_found_and_a_variant_is_not(changes, finding):
    assert findings({**RIGHT, **changes}) == finding


@pytest.mark.parametrize("column", [name for name in RIGHT if name.startswith(("cited", "found"))])
def test_a_blank_is_not_compared(column):
    wrong = {
        **RIGHT, "found_authors": "Poe", "found_year": 1990, "found_published": 1991,
        "found_title": "Else", "found_organisation": "None", "found_about": "else",
    }  # fmt: skip
    base = set(findings(wrong))
    assert len(base) == 5
    blank = findings({**wrong, column: pd.NA})
    compared = {"authors", "title", "organisation"} & {column.split("_")[1]}
    compared |= {"subject"} & ({"subject"} if column in ("cited_for", "found_about") else set())
    compared |= {"year"} & ({"year"} if column == "cited_year" else set())
    assert len(base - set(blank)) == len(compared)


def test_the_same_fault_in_two_documents_is_one_finding():
    wrong = {**RIGHT, "found_authors": "Poe"}
    other = {**wrong, "citation_id": "CIT002", "document": "b.txt", "place": "Text"}
    documents = pd.DataFrame({"document": ["a.txt"], "short_name": ["first page"]})
    found = citation_findings(pd.DataFrame([wrong, other]), documents)
    (row,) = findings_table(found).to_dict("records")
    assert row["documents"] == "a.txt; b.txt"
    assert row["rows"] == "CIT001; CIT002"
    assert row["places"] == "References, 1; Text"
    assert row["sentence"].startswith("The first page (References, 1) and b.txt (Text) cite ")


def test_the_work_that_is_meant_is_named_where_another_is_found():
    studies = pd.DataFrame({"study_id": ["doe_2023"], "authors": ["Doe et al."], "year": [2023]})
    wrong = {**RIGHT, "found_authors": "Poe", "study_id": "doe_2023"}
    (found,) = citation_findings(pd.DataFrame([wrong]), studies=studies)
    assert found.sentence.endswith("; the work that is meant is by Doe and others (2023).")
    same = {**RIGHT, "found_about": "else", "study_id": "doe_2023"}
    (found,) = citation_findings(pd.DataFrame([same]), studies=studies)
    assert "that is meant" not in found.sentence


def test_no_citation_is_no_finding():
    assert citation_findings(pd.DataFrame(columns=list(RIGHT))) == []


def test_one_kind_of_failure_cited_for_another_is_a_fault_of_category():
    kinds = {"cited_for": "goal misgeneralization", "found_about": "specification gaming"}
    (found,) = citation_findings(pd.DataFrame([{**RIGHT, **kinds}]))
    assert (found.kind, found.finding) == ("category", "cited_as_another_kind")
    assert "for goal misgeneralization, but the work found there is about specification" in (
        found.sentence
    )
    # Only where both are kinds of failure; alike, there is no fault.
    (other,) = citation_findings(pd.DataFrame([{**RIGHT, **kinds, "found_about": "sycophancy"}]))
    assert (other.kind, other.finding) == ("citation", "wrong_subject")
    assert findings({**RIGHT, **kinds, "found_about": "Goal misgeneralization"}) == []
