"""Evidence: raw tables to the checked warehouse and each model's analysis set.

Inputs: data/raw/*.csv and corrections.yaml. Outputs: the DuckDB warehouse, canonical Parquet, the evidence flow,
analysis sets. Reads config: models.
"""


rule warehouse:
    input:
        raw=[str(path) for path in raw_files(Path())],
    output:
        database=update("data/processed/evidence.duckdb"),
        tables=directory("data/processed/tables"),
        flow=update("data/processed/flow.json"),
        bibliography=update("data/processed/bibliography.parquet"),
        corrections=update("data/processed/corrections.json"),
    log:
        "logs/warehouse.log",
    benchmark:
        "logs/benchmarks/warehouse.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.steps:evidence"),
        keep=json.dumps(SETTINGS.models[SETTINGS.primary].row_filter),
    shell:
        "meta evidence --database {output.database} --tables {output.tables}"
        " --flow {output.flow} --bibliography {output.bibliography}"
        " --corrections {output.corrections}"
        " --filter {params.keep:q} 2>&1 | tee {log} >&2"


rule analysis_sets:
    input:
        tables="data/processed/tables",
    output:
        index="data/processed/analysis/index.json",
        sets=expand("data/processed/analysis/{model}.parquet", model=MODELS),
    log:
        "logs/analysis_sets.log",
    benchmark:
        "logs/benchmarks/analysis_sets.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.steps:analysis_sets"),
        settings=SETTINGS.model_dump_json(include={"priors", "models"}),
        # The index says what the codings are; see common.smk.
        codes=str(SNAPSHOT["codes"]),
        folder=lambda wildcards, output: Path(output.index).parent,
    shell:
        "meta analysis-sets --tables {input.tables} --settings {params.settings:q}"
        " --output {params.folder} 2>&1 | tee {log} >&2"
