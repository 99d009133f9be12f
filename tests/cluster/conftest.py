"""A cluster to submit to; started only where REQUIRE_SLURM asks for it (`make cluster`)."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING

import pytest

from tests.cluster.slurm import Cluster, absent

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUIRED = "REQUIRE_SLURM"
PLUGIN = "snakemake_executor_plugin_slurm"


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if not os.environ.get(REQUIRED):
        pytest.skip(f"SLURM IS NOT TESTED: it takes minutes; `make cluster` sets {REQUIRED}=1")
    if missing := absent():
        pytest.fail(f"{REQUIRED}: not installed: {', '.join(missing)}: "
                    "`apt-get install --no-install-recommends slurm-wlm munge`")  # fmt: skip
    if importlib.util.find_spec(PLUGIN) is None:
        pytest.fail(f"{REQUIRED}: {PLUGIN} is not installed: `make cluster` does it")
    started = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        started.start()
        yield started
    finally:
        started.stop()
