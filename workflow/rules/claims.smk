"""Claims: every figure that the documents print, held against its own sums and the evidence.

Inputs: canonical tables; pooled results, draws and analysis sets of the models that claims are held against.
Outputs: reports/claims.csv, of which the report makes a page. Reads config: models.

Nothing here runs for an evidence base without data/raw/claims.csv.
"""


rule claims:
    input:
        tables="data/processed/tables",
        pooled=expand(f"{FITS}/pooled.csv", model=COMPARED),
        draws=expand(f"{FITS}/draws.parquet", model=COMPARED),
        sets=expand("data/processed/analysis/{model}.parquet", model=COMPARED),
    output:
        table=result_table("claims"),
    log:
        "logs/claims.log",
    benchmark:
        "logs/benchmarks/claims.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.steps:claims"),
        fits=lambda wildcards, input: [Path(path).parent for path in input.pooled],
        sets=lambda wildcards, input: [f"--analysis {path}" for path in input.sets],
    shell:
        "meta claims {params.fits} {params.sets} --tables {input.tables} --output {output.table}"
        " 2>&1 | tee {log} >&2"
