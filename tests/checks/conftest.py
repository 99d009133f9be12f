"""One compiled model and its fit, shared by the checks that need draws of a posterior."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pytest
import xarray as xr

from meta.config import FitTask
from meta.inference.sampling import CompiledModel, compile_model, sample_posterior
from meta.models.design import Design, build_design
from tests.checks.simulated import population, task


@dataclass(frozen=True)
class Fitted:
    """A fit of the likelihood that the counts were drawn from."""

    table: pd.DataFrame
    design: Design
    task: FitTask
    ready: CompiledModel
    posterior: xr.Dataset


@pytest.fixture(scope="session")
def fitted() -> Fitted:
    """Twelve studies of five arms, drawn from a beta-binomial and fitted as such."""
    table, wanted = population(12, 5, 30, alpha=-1.0, tau=0.8, icc=0.35, seed=6), task()
    design = build_design(table, wanted.spec)
    ready = compile_model(design, wanted)
    tree = sample_posterior(ready, wanted, 2, progress=False)
    return Fitted(table, design, wanted, ready, tree["posterior"].to_dataset())
