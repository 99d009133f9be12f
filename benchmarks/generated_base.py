"""A legal evidence base of any size, with the awkward but legal text that coders write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

#: Legal texts that a careless reader would split, join or take for something else.
TEXTS = (
    "The simulator overflowed, and recorded a gentle stop.",
    'Reward was paid for "getting nearer", nothing charged for moving away; it rode in circles.',
    "Line one of a note,\nand a second line that a spreadsheet kept in the cell.",
    "Paused the game for ever so as not to lose \u2014 na\u00efve but legal, \u00a35 a run.",
    "-5 to +7 points, 12% of runs; see '=A1' in the sheet",
    "",
    "Learned to flip the block, so that its underside is high, which scores as stacked. " * 2,
)
LISTS = ("krakovna_master_list", "papers", "incident_database", "lab_reports", "")


def _pick(values: tuple[str, ...], salt: int, row: str = "i") -> str:
    """SQL that picks one of the values by row, scattered but the same each time."""
    listed = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"[{listed}][1 + (hash({row} * 31 + {salt}) % {len(values)})::INTEGER]"


def _copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    connection.execute(f"COPY ({query}) TO '{path}' (FORMAT csv, HEADER true)")


def write_base(directory: Path, cases: int, coders: int, arms: int) -> Path:
    """Write the tables studies, arms, cases, codings and coders.

    Parameters
    ----------
    directory
        Receives `data/raw/`.
    cases
        Rows of cases.csv.
    coders
        Rows of codings.csv for each case.
    arms
        Rows of arms.csv.

    Returns
    -------
    Path
        The directory.
    """
    raw = directory / "data" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    studies = max(3, arms // 10)
    with duckdb.connect() as connection:
        # Rows in the order of their numbers, so that the files are the same each time.
        connection.execute("SET threads = 1")
        connection.execute("SET enable_progress_bar = false")
        _copy(connection, _studies(studies), raw / "studies.csv")
        _copy(connection, _arms(arms, studies), raw / "arms.csv")
        _copy(connection, _cases(cases, studies), raw / "cases.csv")
        _copy(connection, _codings(cases, coders), raw / "codings.csv")
        _copy(connection, _coders(coders), raw / "coders.csv")
    return directory


def _studies(n: int) -> str:
    return f"""
        SELECT format('study_{{:06d}}', i) AS study_id,
            'A study, numbered ' || i AS title, 'Doe; Roe' AS authors,
            2000 + i % 26 AS year, 'https://example.org/' || i AS url_or_id,
            'peer_reviewed_or_arxiv' AS source_type
        FROM range({n}) r(i)"""


def _arms(n: int, studies: int) -> str:
    return f"""
        SELECT format('ARM{{:07d}}', i) AS arm_id,
            format('study_{{:06d}}', (i // 10) % {studies}) AS study_id,
            {_pick(("specification_gaming", "goal_misgeneralization"), 1)} AS failure_type,
            'environment ' || (i % 400) AS environment, 'arm, no. ' || i AS arm_label,
            'agent ' || (i % 60) AS agent, 'run' AS unit, 100 + i % 50 AS n_trials,
            40 + i % 40 AS n_capable, 'given_capability' AS conditioning,
            40 + i % 40 AS n_at_risk, i % 40 AS n_goal_failure,
            {_pick(TEXTS, 2)} AS goal_failure_definition, 'denominator' AS sampling_frame,
            {_pick(("main", "main", "control"), 3)} AS role,
            'set ' || (i // 5) AS overlap_set, 'Table ' || (i % 9) AS locator,
            (i % 40) || '/' || (40 + i % 40) AS printed_figure, 'A' AS grade,
            {_pick(TEXTS, 4)} AS note, DATE '2026-01-01' + (i % 300)::INTEGER AS added_on
        FROM range({n}) r(i)"""


def _cases(n: int, studies: int) -> str:
    return f"""
        SELECT format('CASE-{{:07d}}', i) AS case_id, 'Case, no. ' || i AS title,
            {_pick(TEXTS, 5)} AS description,
            {_pick(("specification_gaming", "goal_misgeneralization"), 6)} AS failure_type,
            'system ' || (i % 30) AS system_kind, 'domain ' || (i % 50) AS domain,
            'environment ' || (i % 3000) AS environment,
            'stop an aircraft gently and safely' AS intended_goal,
            {_pick(TEXTS, 7)} AS learned_proxy, 1990 + i % 36 AS year,
            format('study_{{:06d}}', i % {studies}) AS study_id,
            'https://example.org/case/' || i AS source_url, 'seen' AS source_url_basis,
            i % 5 AS n_places_seen,
            {_pick(("observed_behaviour", "observed_behaviour", "informal_report"), 8)}
                AS evidence_kind,
            {_pick(LISTS, 9)} AS list_membership, {_pick(("A", "B", "C"), 10)} AS grade,
            {_pick(TEXTS, 11)} AS classification_note, 'case_series' AS sampling_frame,
            DATE '2026-01-01' + (i % 300)::INTEGER AS added_on
        FROM range({n}) r(i)"""


def _codings(cases: int, coders: int) -> str:
    return f"""
        SELECT format('CASE-{{:07d}}', i // {coders}) AS unit_id,
            'coder_' || (i % {coders}) AS coder,
            DATE '2026-01-01' + (i % 300)::INTEGER AS coded_on, '1' AS codebook_version,
            {_pick(("yes", "yes", "yes", "no", "unclear"), 12)} AS capability_transfer,
            {_pick(("yes", "yes", "partial", "no"), 13)} AS goal_failure,
            {_pick(("none", "minor", "minor", "significant", "severe", "unclear"), 14)} AS harm,
            {_pick(("none", "superficial", "moderate", "significant"), 15)} AS shift_type,
            {_pick(("high", "medium", "low"), 16)} AS specification_quality,
            {_pick(("below_human", "human_level"), 17)} AS capability_level,
            {_pick(("narrow", "mixed", "diverse"), 18)} AS training_diversity,
            {_pick(("reward_optimization", "human_feedback", "safety_trained"), 19)}
                AS alignment_method,
            {_pick(("none", "loophole_present"), 20)} AS elicitation,
            {_pick(("reward_loop", "proxy_correlation", "other"), 21)} AS mechanism,
            {_pick(("low", "medium", "high"), 22)} AS confidence,
            {_pick(TEXTS, 23)} AS rationale
        FROM range({cases} * {coders}) r(i)"""


def _coders(n: int) -> str:
    return f"SELECT 'coder_' || i AS coder, 'human' AS kind FROM range({n}) r(i)"
