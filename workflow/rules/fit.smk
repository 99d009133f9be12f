"""Fit: one posterior a model.

Inputs: the model's analysis set. Outputs: posterior.nc. Reads config: the model's specification,
its prior set, sampler, seed.

The analysis set is `ancient`: whether a fit is stale is decided by the hash of its rows, so that
an edited note, which rewrites the same set, refits nothing.
"""


rule fit:
    input:
        analysis=ancient("data/processed/analysis/{model}.parquet"),
    output:
        posterior="data/processed/fits/{model}/posterior.nc",
    log:
        "logs/fit/{model}.log",
    benchmark:
        "logs/benchmarks/fit/{model}.tsv"
    conda:
        "../envs/meta.yaml"
    threads: 4
    resources:
        mem_mb=2000,
    params:
        code=code_fingerprint("meta.cli:fit"),
        task=task_json,
        rows=rows_hash,
    shell:
        "meta fit --analysis {input.analysis} --task {params.task:q} --cores {threads}"
        " --output {output.posterior} 2>&1 | tee {log} >&2"
