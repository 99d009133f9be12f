"""Sensitivity: what other priors, counts, publication and estimators make of a fit; the multiverse.

Inputs: posterior.nc, the analysis set, canonical tables. Outputs: data/processed/checks/<model>/*.csv;
on request (`snakemake multiverse`) reports/multiverse.csv. Reads config: sensitivity, multiverse,
priors, models, sampler, gate, seed, ci_prob.

As with the fits, stamps decide what is stale. The multiverse takes long and is not part of `all`.
"""


rule sensitivity:
    input:
        posterior=f"{FITS}/posterior.nc",
        analysis=analysis_unless(f"{CHECKS}/sensitivity.stamp", sensitivity_stamp),
        tables=tables_unless(f"{CHECKS}/sensitivity.stamp", sensitivity_stamp),
    output:
        *[f"{CHECKS}/{table}.csv" for table in TABLES],
        stamp=f"{CHECKS}/sensitivity.stamp",
    log:
        "logs/sensitivity/{model}.log",
    benchmark:
        "logs/benchmarks/sensitivity/{model}.tsv"
    wildcard_constraints:
        model="|".join(SENSITIVE) or "none",
    conda:
        "../envs/meta.yaml"
    threads: 2
    resources:
        mem_mb=memory(3000),
        runtime=180,
    params:
        task=sensitivity_json,
        stamp=sensitivity_stamp,
        folder=lambda wildcards, output: Path(output.stamp).parent,
    shell:
        "meta sensitivity --posterior {input.posterior} --analysis {input.analysis}"
        " --arms {input.tables}/arms.parquet --task {params.task:q} --cores {threads}"
        " --output {params.folder} 2>&1 | tee {log} >&2"
        " && printf %s {params.stamp} > {output.stamp}"


rule multiverse_structure:
    input:
        tables=tables_unless(f"{MULTIVERSE}/{{structure}}.stamp", multiverse_stamp),
    output:
        table=f"{MULTIVERSE}/{{structure}}.csv",
        stamp=f"{MULTIVERSE}/{{structure}}.stamp",
    log:
        "logs/multiverse/{structure}.log",
    benchmark:
        "logs/benchmarks/multiverse/{structure}.tsv"
    wildcard_constraints:
        structure="|".join(STRUCTURES) or "none",
    conda:
        "../envs/meta.yaml"
    threads: 2
    resources:
        mem_mb=memory(3000),
        runtime=480,
    params:
        settings=MULTIVERSE_SETTINGS,
        stamp=multiverse_stamp,
    shell:
        "meta multiverse --tables {input.tables} --settings {params.settings:q}"
        " --structure {wildcards.structure} --cores {threads} --output {output.table}"
        " 2>&1 | tee {log} >&2"
        " && printf %s {params.stamp} > {output.stamp}"


rule multiverse_table:
    input:
        parts=expand(f"{MULTIVERSE}/{{structure}}.csv", structure=STRUCTURES),
    output:
        table=result_table("multiverse"),
        stamp=f"{MULTIVERSE}/multiverse.stamp",
    log:
        "logs/multiverse.log",
    benchmark:
        "logs/benchmarks/multiverse.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.steps:multiverse_table"),
        stamp=multiverse_stamp,
    shell:
        "meta multiverse-table {input.parts} --output {output.table} 2>&1 | tee {log} >&2"
        " && printf %s {params.stamp} > {output.stamp}"


rule multiverse:
    input:
        table="reports/multiverse.csv",
