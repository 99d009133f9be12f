"""Risk of the shift types and of the profiles that the document names, as files of a run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from meta.errors import MissingRowsError
from meta.risk.basis import Basis
from meta.risk.calculator import calculator_content
from meta.risk.documents import read_documents
from meta.risk.profile_risk import COLUMNS, risk_table, shipped_profiles
from meta.storage import write_csv, write_json


def write_shipped_risk(
    claims: pd.DataFrame, basis: Basis, seed: int, ci_prob: float, table: Path, calculator: Path
) -> str:
    """Write the table of risks and the content of the page's calculator.

    Parameters
    ----------
    claims
        The table of claims.
    basis
        Draws that answers are made of.
    seed, ci_prob
        Of the evidence mode.
    table, calculator
        Files to write (CSV, JSON).

    Returns
    -------
    str
        Why both are left empty, where the claims are not all of the document's; else nothing.
    """
    try:
        documents = read_documents(claims)
    except MissingRowsError as error:
        write_csv(table, pd.DataFrame(columns=COLUMNS))
        write_json(calculator, {})
        return str(error)
    write_csv(table, risk_table(shipped_profiles(documents), documents, basis, seed, ci_prob))
    write_json(calculator, calculator_content(basis, documents, seed, ci_prob))
    return ""
