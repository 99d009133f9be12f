"""Changes: what differs from the latest release, and which rows moved the pooled numbers.

Inputs: the warehouse, every model's results, releases/. Outputs: reports/changes.json. Reads
config: models and everything that makes their fits.
"""


rule changes:
    input:
        database="data/processed/evidence.duckdb",
        analysis=expand("data/processed/analysis/{model}.parquet", model=MODELS),
        posteriors=expand(f"{FITS}/posterior.nc", model=MODELS),
        records=expand(f"{FITS}/fit.json", model=MODELS),
        pooled=expand(f"{FITS}/pooled.csv", model=MODELS),
        draws=expand(f"{FITS}/draws.parquet", model=MODELS),
        releases=sorted(str(path) for path in Path("releases").glob("[!.]*/**/*.*")),
    output:
        changes="reports/changes.json",
    log:
        "logs/changes.log",
    benchmark:
        "logs/benchmarks/changes.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.steps:changes"),
        settings=SETTINGS.model_dump_json(),
        models=MODELS,
    shell:
        "meta changes {params.models} --settings {params.settings:q}"
        " --output {output.changes} 2>&1 | tee {log} >&2"
