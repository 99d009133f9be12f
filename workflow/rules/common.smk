"""Settings in force, models to fit, and the fingerprints that make a rule rerun.

Reads config: everything, through meta.config (the shipped file with the directory's own on top).
"""

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from meta.config import load_settings
from meta.errors import UserError
from meta.evidence.snapshot import snapshot
from meta.provenance import code_fingerprint

# `meta` of the environment that runs Snakemake, whether or not that environment is activated.
shell.prefix(f"set -euo pipefail; export PATH={str(Path(sys.executable).parent)!r}:$PATH; ")

try:
    SETTINGS = load_settings(Path.cwd(), overrides=config)
    ROWS = snapshot(Path.cwd(), SETTINGS, Path("data/processed/analysis/index.json"))
except UserError as error:
    raise WorkflowError(str(error)) from None

MODELS = [model for model, rows in ROWS.items() if not rows["refused"]]


wildcard_constraints:
    model="|".join(MODELS),


def task_json(wildcards):
    """What one model's fit depends on, as JSON."""
    return SETTINGS.task(wildcards.model).model_dump_json()


def rows_hash(wildcards):
    """Hash of the rows of one model."""
    return ROWS[wildcards.model]["hash"]
