"""Codes: the true codes behind the coders', imputed code sets, agreement and disagreements.

Inputs: canonical tables; the warehouse, for titles and rationales. Outputs: posterior of the codes,
imputed code sets, their diagnostics, the stacked analysis set of each model that reads codes,
agreement, disagreements. Reads config: codes, sampler, seed, gate, models.

Nothing here runs for an evidence base without codings. As with the fits, stamps decide what is
stale: an edited rationale changes the list of disagreements and refits nothing.
"""


rule codes:
    input:
        tables=tables_unless_current,
    output:
        probabilities=f"{CODES}/probabilities.parquet",
        imputations=f"{CODES}/imputations.parquet",
        diagnostics=f"{CODES}/diagnostics.csv",
        record=f"{CODES}/codes.json",
        stamp=f"{CODES}/codes.stamp",
    log:
        "logs/codes.log",
    benchmark:
        "logs/benchmarks/codes.tsv"
    conda:
        "../envs/meta.yaml"
    threads: 2
    resources:
        mem_mb=memory(2000),
        runtime=60,
    params:
        settings=CODE_SETTINGS,
        stamp=codes_stamp,
        folder=lambda wildcards, output: Path(output.record).parent,
    shell:
        "meta codes --tables {input.tables} --settings {params.settings:q} --cores {threads}"
        " --output {params.folder} 2>&1 | tee {log} >&2"
        " && printf %s {params.stamp} > {output.stamp}"


rule imputed_set:
    input:
        tables="data/processed/tables",
        imputations=f"{CODES}/imputations.parquet",
    output:
        rows=f"{CODES}/sets/{{model}}.parquet",
    log:
        "logs/imputed_set/{model}.log",
    benchmark:
        "logs/benchmarks/imputed_set/{model}.tsv"
    wildcard_constraints:
        model="|".join(IMPUTED) or "none",
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.steps:imputed_set"),
        task=task_json,
    shell:
        "meta imputed-set --tables {input.tables} --imputations {input.imputations}"
        " --task {params.task:q} --output {output.rows} 2>&1 | tee {log} >&2"


rule agreement:
    input:
        database="data/processed/evidence.duckdb",
        probabilities=f"{CODES}/probabilities.parquet",
    output:
        agreement=f"{CODES}/agreement.csv",
        disagreements=f"{CODES}/disagreements.json",
    log:
        "logs/agreement.log",
    benchmark:
        "logs/benchmarks/agreement.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.steps:agreement"),
        used=json.dumps({m: SETTINGS.models[m].coded_fields for m in MODELS}),
        seed=SETTINGS.seed,
        folder=lambda wildcards, output: Path(output.agreement).parent,
    shell:
        "meta agreement --database {input.database} --probabilities {input.probabilities}"
        " --used {params.used:q} --seed {params.seed} --output {params.folder}"
        " 2>&1 | tee {log} >&2"
