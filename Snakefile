"""From raw evidence to a checked posterior and a report.

`snakemake --cores 8` here, or `snakemake --snakefile <repo>/Snakefile --directory DIR --cores 8`
for another evidence base: DIR holds data/raw/ and, if it wants other settings, config/config.yaml.
"""

from snakemake.utils import min_version

min_version("9.11")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/evidence.smk"
include: "workflow/rules/codes.smk"
include: "workflow/rules/fit.smk"
include: "workflow/rules/check.smk"
include: "workflow/rules/checks.smk"
include: "workflow/rules/sampler.smk"
include: "workflow/rules/chain.smk"
include: "workflow/rules/sensitivity.smk"
include: "workflow/rules/changes.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/risk.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/calibration.smk"
include: "workflow/rules/taxonomy.smk"


# Seconds each: on a cluster they run where Snakemake does. Every other rule states what it needs.
localrules:
    agreement,
    all,
    analysis_sets,
    audit,
    calibration,
    chain,
    changes,
    claims,
    gate,
    imputed_set,
    merge_calibration,
    modifier_ratios,
    multiverse,
    multiverse_table,
    report,
    risk_basis,
    risk_sensitivity,
    risk_table,
    sampler_figures,
    warehouse,


rule all:
    default_target: True
    input:
        gate="data/processed/gate.txt",
        report="reports/index.html",
        claims=CLAIMS,
        risk=RISK_REPORTS,
        audit=AUDIT_REPORTS,
