"""Sensitivity, and value of information, of every profile that has a row in the table of risks."""

from __future__ import annotations

import pandas as pd

from meta.errors import MissingRowsError
from meta.risk.basis import Basis
from meta.risk.documents import read_documents
from meta.risk.input_sensitivity import (
    SENSITIVITY_COLUMNS,
    profile_sensitivity,
    sensitivity_table,
)
from meta.risk.profile_risk import shipped_profiles
from meta.risk.value_of_information import INFORMATION_COLUMNS, information_table
from meta.risk_settings import RiskSettings


def shipped_sensitivity(
    claims: pd.DataFrame, basis: Basis, settings: RiskSettings, seed: int, ci_prob: float
) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Analyse the shift types and the profiles that the document names.

    Parameters
    ----------
    claims
        The printed figures, from which the profiles follow.
    basis
        Draws of a run.
    settings
        Sizes of what may be measured, percentiles and bootstrap samples.
    seed, ci_prob
        Of the evidence mode, so that the risks are those of the table of risks.

    Returns
    -------
    tuple
        Table of sensitivity (`SENSITIVITY_COLUMNS`), table of the value of information
        (`INFORMATION_COLUMNS`), and why both are empty where the claims are not all of the
        document's.
    """
    try:
        documents = read_documents(claims)
    except MissingRowsError as error:
        empty = [pd.DataFrame(columns=c) for c in (SENSITIVITY_COLUMNS, INFORMATION_COLUMNS)]
        return empty[0], empty[1], str(error)
    found = {
        key: profile_sensitivity(profile, basis, documents, settings, seed, ci_prob)
        for key, profile in shipped_profiles(documents).items()
    }
    information = information_table(found, basis, settings, seed, ci_prob)
    return sensitivity_table(found, ci_prob), information, ""
