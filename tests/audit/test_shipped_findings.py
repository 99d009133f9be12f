"""Every fault of the documents that people found by hand is found by code, and only those."""

from dataclasses import dataclass, field

import pandas as pd
import pytest

from meta.audit.tables import all_findings
from meta.risk.findings import table_findings

RESEARCH_PAGE = "001_6ff58605c4bdcc06.txt"
LESSON = "002_b317cda0026f9dcd.txt"
MODEL = "003_f64f274e5b9b6e16.txt"
KEYS = {
    "citations": "citation_id", "goal_pairs": "pair_id", "documents": "document",
    "cases": "case_id", "arms": "arm_id",
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """A fault, where it is, what the sentence says, and the cells that would mend it."""

    finding: str
    row: str
    said: tuple[str, ...]
    mended: dict[tuple[str, str], dict[str, str | int]]
    documents: str = MODEL
    also: tuple[str, ...] = field(default=())


def cited(row: str, **cells: str) -> dict[tuple[str, str], dict[str, str]]:
    return {("citations", row): cells}


FAULTS = {
    # Attributions and citations.
    "coinrun paper credited to DeepMind": Fault(
        "wrong_organisation", "CIT001", ("DeepMind", "University of Cambridge", "from memory"),
        cited("CIT001", cited_organisation="University of Cambridge"), RESEARCH_PAGE),
    "sixth author left out": Fault(
        "left_out_author", "CIT013", ("leaves out Orseau", "from memory"),
        cited("CIT013", cited_authors="Langosco; Koch; Sharkey; Pfau; Orseau; Krueger"),
        RESEARCH_PAGE),
    "entry of Shah under the name of Langosco": Fault(
        "wrong_author", "CIT020", ("References, 2", "References, 7", "Shah", "own entry"),
        {**cited("CIT020", cited_authors="Shah; others"),
         **cited("CIT048", cited_authors="Shah; others")},
        f"{RESEARCH_PAGE}; {MODEL}", ("CIT048",)),
    "title of the sycophancy paper": Fault(
        "wrong_title", "CIT021", ("Discovering Sycophancy", "Towards Understanding Sycophancy"),
        cited("CIT021", cited_title="Towards understanding sycophancy"), RESEARCH_PAGE),
    "year of the sycophancy paper": Fault(
        "wrong_year", "CIT021", ("2025", "is of 2023"), cited("CIT021", cited_year="2024"),
        RESEARCH_PAGE),
    "topological insulators": Fault(
        "wrong_author", "CIT045", ("Krakovna", "Fang"),
        cited("CIT045", found_authors="Krakovna; others")),
    "topological insulators, subject": Fault(
        "wrong_subject", "CIT045", ("topological insulators",),
        cited("CIT045", found_about="specification gaming")),
    "Pan Lu": Fault(
        "wrong_author", "CIT046", ("Pan and others (2022)", "is Lu"),
        cited("CIT046", found_authors="Pan; Bhatia; Steinhardt")),
    "word problems": Fault(
        "wrong_subject", "CIT046", ("word problems",),
        cited("CIT046", found_about="goal misgeneralization")),
    "effects of scale": Fault(
        "wrong_title", "CIT040", ("Effects of Scale", "The Effects of Reward Misspecification"),
        cited("CIT040", cited_title="The Effects of Reward Misspecification")),
    "misspecified rewards cited for misgeneralization": Fault(
        "cited_as_another_kind", "CIT040", ("about specification gaming",),
        cited("CIT040", cited_for="specification gaming")),
    "another Murphy": Fault(
        "wrong_subject", "CIT033", ("pausing in Tetris", "Kevin", "Murphy (Tom)"),
        cited("CIT033", found_about="pausing in Tetris")),
    "boat race": Fault(
        "wrong_organisation", "CIT031", ("the boat race", "DeepMind", "OpenAI", "Clark and Amodei"),
        cited("CIT031", cited_organisation="OpenAI")),
    "grasping robot": Fault(
        "wrong_subject", "CIT032", ("robot hand", "Dactyl", "Christiano"),
        cited("CIT032", cited_for="dexterous manipulation of objects (Dactyl)")),
    "model behaviour, author": Fault(
        "wrong_author", "CIT055", ("Purushothaman", "OpenAI"),
        cited("CIT055", cited_authors="OpenAI")),
    "model behaviour, subject": Fault(
        "wrong_subject", "CIT055", ("Model Behavior", "the organisation as a whole"),
        cited("CIT055", found_about="model behaviour")),
    "activation patching, year": Fault(
        "wrong_year", "CIT035", ("Meng", "2023", "2022"),
        {**cited("CIT035", cited_year="2022"), **cited("CIT056", cited_year="2022")},
        also=("CIT056",)),
    "activation patching, subject": Fault(
        "wrong_subject", "CIT035", ("activation patching", "ROME"),
        cited("CIT035", found_about="activation patching")),
    "constitutional AI, year": Fault(
        "wrong_year", "CIT034", ("Constitutional AI", "2022", "from memory"),
        cited("CIT034", found_year="2023")),
    "constitutional AI as a source of cases": Fault(
        "wrong_subject", "CIT029", ("documented cases", "written principles"),
        cited("CIT029", cited_for="alignment by written principles")),
    "dead link, gaming": Fault(
        "dead_link", "CIT043", ("specification gaming",), cited("CIT043", link_said_dead="no")),
    "dead link, principles": Fault(
        "dead_link", "CIT044", ("written principles",), cited("CIT044", link_said_dead="no")),
    "open sections": Fault(
        "open_sections", MODEL, ("Quantitative Analysis (8 placeholders)",),
        {("documents", MODEL): {"open_sections": ""}}),
    # Kinds of failure.
    "gaming list pooled for misgeneralization": Fault(
        "cited_as_another_kind", "CIT026", ("Krakovna", "for goal misgeneralization", "gaming"),
        cited("CIT026", cited_for="specification gaming")),
    "gaming cases as misgeneralization": Fault(
        "counted_as_another_kind", "GP012",
        ("CoastRunners, Simulated grasping and NES Tetris", "3 of the 4 cases",
         "the research page, the lesson and the probability model itself tell the two apart"),
        {("cases", case): {"failure_type": "goal_misgeneralization"}
         for case in ("SG-ML06", "SG-ML62", "SG-ML74")},
        also=("GP013", "GP014")),
    # Goals.
    "CoinRun swapped": Fault(
        "swapped_goals", "GP001",
        ("The research page (Classic Examples)", "the lesson", "the probability model",
         "langosco_2022 (by a secondary text)", "give the reverse"),
        {("goal_pairs", "GP001"): {"intended_code": "coin", "learned_code": "level end"}},
        RESEARCH_PAGE, ("GP002", "GP006", "GP007", "GP011", "GP015")),
    "navigation that nobody shows": Fault(
        "unknown_environment", "GP004", ("Goal Navigation", "no study or case"),
        {("goal_pairs", "GP004"): {"study_id": "langosco_2022"}}, RESEARCH_PAGE),
    "cheese in the north": Fault(
        "other_learned_goal", "GP008", ("go north", "top-right corner"),
        {("goal_pairs", "GP008"): {"learned_code": "top-right corner"}}, LESSON, ("GP017",)),
    # Quoted rates.
    "rate of Maze II under CoinRun": Fault(
        "rate_of_another_experiment", "C058",
        ("89% for Langosco 2022", "CoinRun alone", "Maze II (colour v. shape) (91 of 102)"),
        {("arms", "ARM120"): {"environment": "CoinRun"}}),
    "capability of Langosco without a count": Fault(
        "quoted_without_counts", "C057", ("capability transfer (95%)", "2 arms and 5 documented"),
        {("arms", "ARM120"): {"n_capable": 100}}),
    "examples of Shah without counts": Fault(
        "quoted_without_counts", "C063",
        ("capability transfer (78%) and goal failure (65%)", "no arm and 6 documented cases",
         "qualitative curves", "the authors call for work to estimate such fractions"),
        {("arms", "ARM001"): {"study_id": "shah_2022", "n_capable": 20}}, also=("C064",)),
    "cases of the catalogue": Fault(
        "cases_not_counted", "C069", ("60 or more cases", "has 82 in the evidence"),
        {("cases", f"SG-ML{n:02d}"): {"list_membership": ""} for n in range(61, 83)}),
    "harm without any count": Fault(
        "harm_never_counted", "C059", ("60% (Langosco 2022)", "pooled 45%", "50% to 70%"),
        {("arms", "ARM001"): {"n_harm": 1}}, also=("C062", "C065", "C068", "C039", "C040")),
}  # fmt: skip


def found(tables: dict[str, pd.DataFrame]) -> dict[tuple[str, str], dict[str, str]]:
    """Findings by what is wrong and the first row, without those on the tables as such."""
    tabled = {each.finding for each in table_findings(tables["claims"])}
    rows = all_findings(tables).to_dict("records")
    named = {(row["finding"], row["rows"].split("; ")[0]): row for row in rows}
    assert len(named) == len(rows)
    return {key: row for key, row in named.items() if key[0] not in tabled}


def test_findings_on_the_tables_are_among_them(shipped):
    named = all_findings(shipped)["finding"].tolist()
    assert {each.finding for each in table_findings(shipped["claims"])} <= set(named)
    assert len(named) == len(found(shipped)) + len(table_findings(shipped["claims"]))


@pytest.mark.parametrize("name", FAULTS)
def test_a_known_fault_is_found(shipped, name):
    fault = FAULTS[name]
    finding = found(shipped)[fault.finding, fault.row]
    assert finding["documents"] == fault.documents
    assert finding["rows"].split("; ") == [fault.row, *fault.also]
    for said in fault.said:
        assert said in finding["sentence"]


@pytest.mark.parametrize("name", FAULTS)
def test_a_mended_row_has_no_finding_and_nothing_else_changes(shipped, name):
    fault = FAULTS[name]
    tables = {table: frame.copy() for table, frame in shipped.items()}
    for (table, key), cells in fault.mended.items():
        row = (tables[table][KEYS[table]] == key).to_numpy()
        assert row.sum() == 1
        for column, value in cells.items():
            tables[table].loc[row, column] = value or pd.NA
    before, after = set(found(shipped)), set(found(tables))
    assert (fault.finding, fault.row) not in after
    assert after <= before


def test_nothing_is_found_that_was_not_known(shipped):
    known = {(fault.finding, fault.row) for fault in FAULTS.values()}
    # The list of references names the other Murphy once more, under no name.
    known |= {("wrong_subject", "CIT051")}
    assert set(found(shipped)) == known


def test_every_sentence_reads_as_one(shipped):
    for text in (row["sentence"] for row in found(shipped).values()):
        assert text[0].isupper()
        assert text.endswith(".")
        assert "  " not in text
        assert ".0" not in text
        assert "nan" not in text.lower().split()
        assert "<NA>" not in text


def test_keys_and_chests_are_told_alike(shipped):
    rows = shipped["goal_pairs"]
    keys = rows.loc[rows["environment"] == "Keys and Chests", "pair_id"]
    assert len(keys) >= 2
    assert not {row for _, row in found(shipped)} & set(keys)


def test_a_rate_is_of_the_experiment_that_the_document_shows(shipped):
    """Of the same study: printed as another arm's rate it is that arm's, and no fault."""
    claims = shipped["claims"].copy()
    claims.loc[claims["claim_id"] == "C058", "value"] = 1.0
    assert ("rate_of_another_experiment", "C058") not in found({**shipped, "claims": claims})


def test_claims_of_another_document_have_nothing_quoted(shipped):
    claims = shipped["claims"].assign(document="x.txt")
    kinds = {row["kind"] for row in found({**shipped, "claims": claims}).values()}
    assert kinds == {"category", "goal", "citation", "document"}
