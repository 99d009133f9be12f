"""Settings in force, models to fit, and the fingerprints that make a rule rerun.

Reads config: everything, through meta.config (the shipped file with the directory's own on top).
"""

import json
import logging
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from meta.checks.multiverse_axes import structures
from meta.checks.sensitivity_task import TABLES, sensitivity_task
from meta.claims.comparisons import compared_models
from meta.settings_file import load_settings
from meta.errors import UserError
from meta.evidence.index import raw_files
from meta.evidence.snapshot import snapshot
from meta.provenance import code_fingerprint, digest
from meta.report.site import PAGES, figure_folder
from meta.risk_settings import rate_models_of_profiles
from meta.system_errors import explain, require_place

# `meta` of the environment that runs Snakemake, whether or not that environment is activated.
BIN = shlex.quote(str(Path(sys.executable).parent))
# Chains and refits are what runs side by side, so that a library which took threads of its own
# would have more of them than cores; sums would also be split by the number of cores.
LIBRARY_THREADS = " ".join(
    f"{library}_NUM_THREADS=1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")
)
shell.prefix(f"set -euo pipefail; export PATH={BIN}:$PATH {LIBRARY_THREADS}; ")

try:
    require_place(Path.cwd())
    SETTINGS = load_settings(Path.cwd(), overrides=config)
    SNAPSHOT = snapshot(Path.cwd(), SETTINGS, Path("data/processed/analysis/index.json"))
except UserError as error:
    # Snakemake's own log may be on a disk that is full.
    logging.raiseExceptions = False
    raise WorkflowError(str(error)) from None
except OSError as error:
    raise WorkflowError(explain(error) or str(error)) from None

ROWS = SNAPSHOT["models"]
MODELS = [model for model, rows in ROWS.items() if not rows["refused"]]
IMPUTED = [model for model in MODELS if SETTINGS.models[model].imputes]
# Whether any unit is coded: without codings there are no latent codes and no agreement.
CODED = SNAPSHOT["codes"] is not None


wildcard_constraints:
    model="|".join(MODELS),


def site_page(name):
    """A page of the site, which `snakemake --report` takes in."""
    return report(
        f"reports/{name}.html",
        caption="../report/pages.rst",
        category="Pages",
        labels={"page": dict(PAGES)[f"{name}.html"]},
    )


def result_table(name):
    """A table of results, which `snakemake --report` takes in."""
    return report(
        f"reports/{name}.csv",
        caption="../report/tables.rst",
        category="Tables",
        labels={"table": name},
    )


def page_figures(name):
    """Folder of a page's figures, of which `snakemake --report` takes in what is drawn."""
    return report(
        directory(f"reports/{figure_folder(f'{name}.html')}"),
        patterns=["{figure}.svg"],
        caption="../report/figures.rst",
        category="Figures",
        labels={"page": dict(PAGES)[f"{name}.html"], "figure": "{figure}"},
    )


FITS = "data/processed/fits/{model}"
CHECKS = "data/processed/checks/{model}"
# Beside the pages that show them.
FIGURES = "reports/figures/{model}"
CODES = "data/processed/codes"
CODE_REPORTS = (
    {
        "agreement": result_table("agreement"),
        "disagreements": result_table("disagreements"),
        "meeting": site_page("disagreements"),
        "effect": result_table("disagreement_effect"),
    }
    if CODED
    else {}
)
# Models whose calibration was committed with its figure.
CALIBRATED = [model for model in MODELS if Path(f"calibration/{model}/ecdf.svg").is_file()]
CHAIN = "data/processed/chains/{model}"
# Models of rates that a model of harm is joined to.
CHAINS = {m: task for m, task in SETTINGS.chains.items() if {m, task.harm} <= set(MODELS)}
# Tables of reports that only some models have.
EXTRA_REPORTS = {
    name: result_table(name)
    for name, wanted in {
        "contrasts": lambda spec: spec.frame == "contrasts",
        "notoriety": lambda spec: spec.notoriety,
    }.items()
    if any(wanted(SETTINGS.models[model]) for model in MODELS)
}
if CHAINS:
    EXTRA_REPORTS |= {name: result_table(name) for name in ("chain", "chain_correlation")}
# Models that printed figures are held against, and the audit of those figures if there are any.
COMPARED = [model for model in MODELS if model in compared_models()]
CLAIMS = ["reports/claims.csv"] if Path("data/raw/claims.csv").is_file() else []
CLAIM_REPORTS = {"audit": site_page("claims")} if CLAIMS else {}
# Models that the risk of a profile is taken from, and its table: only with published figures.
RISK = SETTINGS.risk_models if CLAIMS else None
if RISK and not {RISK.rates, RISK.harm} <= set(MODELS):
    RISK = None
elif RISK and RISK.contrasts not in MODELS:
    RISK = RISK.model_copy(update={"contrasts": None})
RISK_TABLES = ("risk", "modifiers", "risk_sensitivity", "value_of_information")
RISK_REPORTS = [f"reports/{table}.csv" for table in RISK_TABLES] if RISK else []
RISK_CALCULATOR = "data/processed/risk/calculator.json"
RISK_PAGE = {"risk": site_page("risk"), "risk_figures": page_figures("risk")} if RISK else {}
# Models of rates that have the field of a profile, jointly with the others or alone.
RISK_RATES = [m for m in rate_models_of_profiles(SETTINGS.models) if m in MODELS] if RISK else []
CODE_SETTINGS = SETTINGS.model_dump_json(include={"codes", "sampler", "seed", "gate"})


def memory(mb):
    """Resource function: memory in MB, more at each attempt, for jobs killed for want of it."""
    return lambda wildcards, attempt: mb * attempt


def fit_file(model, name):
    """File of a model's fit."""
    return f"data/processed/fits/{model}/{name}"


def analysis_file(model):
    """Rows that a model is fitted to: stacked over imputed code sets where it reads codes."""
    folder = "codes/sets" if model in IMPUTED else "analysis"
    return f"data/processed/{folder}/{model}.parquet"


def fit_threads(wildcards):
    """Cores of one fit: the models side by side come first, since compiling uses one core each.

    It changes no draw: the chains are the same whatever the cores.
    """
    return max(1, min(SETTINGS.sampler.chains, (workflow.cores or 1) // len(MODELS)))


def task_json(wildcards):
    """What one model's fit depends on, as JSON."""
    return SETTINGS.task(wildcards.model).model_dump_json()


def fit_stamp(wildcards):
    """Digest of everything a fit depends on: code, specification, sampler, seed and rows."""
    parts = [
        code_fingerprint("meta.steps:fit"),
        task_json(wildcards),
        ROWS[wildcards.model]["hash"],
    ]
    if wildcards.model in IMPUTED:
        # All of the codings, not only the fields read: a run of the codes writes every imputed
        # set anew, and a fit must belong to the set that is stored.
        parts += [codes_stamp(wildcards), code_fingerprint("meta.steps:imputed_set")]
    return digest(*parts)


def diagnose_stamp(wildcards):
    """Digest of everything a diagnosis depends on besides the posterior."""
    thresholds = (
        SETTINGS.gate.model_dump_json(),
        str(SETTINGS.ci_prob),
        json.dumps(SETTINGS.exceedance),
    )
    return digest(code_fingerprint("meta.steps:diagnose"), task_json(wildcards), *thresholds)


def checks_stamp(wildcards):
    """Digest of everything the checks of a fit depend on besides the posterior."""
    settings = (SETTINGS.checks.model_dump_json(), str(SETTINGS.ci_prob))
    return digest(code_fingerprint("meta.steps:check_fit"), task_json(wildcards), *settings)


def analysis_unless(stamp_file, stamp):
    """Input function: the analysis set, as `ancient` where the stored stamp is still right.

    Rewriting the same rows must not refit a model, so the edge is ancient; but below a job that
    reruns, Snakemake leads changes only along edges that are not, and does not look at changed
    params there. Hence ancient only where nothing has changed.
    """

    def path(wildcards):
        file = analysis_file(wildcards.model)
        stored = stamp_file.format(model=wildcards.model)
        return ancient(file) if current(stored, stamp(wildcards)) else file

    return path


def codes_stamp(wildcards):
    """Digest of everything the latent codes depend on: code, settings and answers."""
    return digest(code_fingerprint("meta.steps:codes"), CODE_SETTINGS, SNAPSHOT["codes"])


def tables_unless_current(wildcards):
    """Input function: the tables, as ancient where the stored stamp is still right."""
    right = current(f"{CODES}/codes.stamp", codes_stamp(wildcards))
    return ancient("data/processed/tables") if right else "data/processed/tables"


def code_results(wildcards):
    """What the report shows of codes; nothing for a base without codings."""
    names = ["agreement.csv", "disagreements.json", "codes.json", "diagnostics.csv"]
    return [f"{CODES}/{name}" for name in names] if CODED else []


MULTIVERSE = "data/processed/multiverse"
SENSITIVE = [model for model in SETTINGS.sensitivity_models if model in MODELS]
SENSITIVITY_REPORTS = (
    {
        "sensitivity": site_page("sensitivity"),
        "sensitivity_csv": result_table("sensitivity"),
        "sensitivity_figures": page_figures("sensitivity"),
    }
    if SENSITIVE
    else {}
)
STRUCTURES = structures(SETTINGS) if SETTINGS.primary in SENSITIVE else []
# What a set of priors states, not what it leaves out, is put in place of a model's own.
MULTIVERSE_KEYS = {"seed", "ci_prob", "sampler", "gate", "priors", "multiverse", "models"}
MULTIVERSE_SETTINGS = SETTINGS.model_dump_json(include=MULTIVERSE_KEYS, exclude_unset=True)


def sensitivity_json(wildcards):
    """What the sensitivity analyses of one model depend on, as JSON."""
    return sensitivity_task(SETTINGS, wildcards.model).model_dump_json()


def sensitivity_stamp(wildcards):
    """Digest of everything the sensitivity analyses depend on besides the posterior."""
    rows = ROWS[wildcards.model]["hash"]
    code = code_fingerprint("meta.steps:sensitivity")
    return digest(code, sensitivity_json(wildcards), rows, SNAPSHOT["agents"])


def multiverse_stamp(wildcards):
    """Digest of everything the multiverse depends on."""
    code = code_fingerprint("meta.steps:multiverse")
    return digest(code, MULTIVERSE_SETTINGS, SNAPSHOT["arms"], SNAPSHOT["codes"])


def current(stamp_file, stamp):
    """Whether a stored stamp is still right; a damaged one may be no text."""
    stored = Path(stamp_file)
    return stored.is_file() and stored.read_bytes() == stamp.encode()


def tables_unless(stamp_file, stamp):
    """Input function: the tables, as ancient where the stored stamp is still right."""

    def path(wildcards):
        stored = stamp_file.format(**wildcards)
        tables = "data/processed/tables"
        return ancient(tables) if current(stored, stamp(wildcards)) else tables

    return path


def sensitivity_results(wildcards):
    """What the report shows of sensitivity; nothing where no model is analysed."""
    return expand(f"{CHECKS}/{{table}}.csv", model=SENSITIVE, table=TABLES)


def multiverse_result(wildcards):
    """The multiverse where there is one of the present inputs: it is only made when asked for."""
    table, stamp = "reports/multiverse.csv", f"{MULTIVERSE}/multiverse.stamp"
    made = Path(table).is_file() and current(stamp, multiverse_stamp(wildcards))
    return [table] if made else []
