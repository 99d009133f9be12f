"""Fit: one posterior a model.

Inputs: the model's analysis set. Outputs: posterior.nc. Reads config: the model's specification,
its prior set, sampler, seed.

Whether a fit is stale is decided by its stamp (code, specification, rows), so that an edited
note, which rewrites the same analysis set, refits nothing.
"""


rule fit:
    input:
        analysis=analysis_unless(f"{FITS}/fit.stamp", fit_stamp),
    output:
        posterior=f"{FITS}/posterior.nc",
        stamp=f"{FITS}/fit.stamp",
    log:
        "logs/fit/{model}.log",
    benchmark:
        "logs/benchmarks/fit/{model}.tsv"
    conda:
        "../envs/meta.yaml"
    threads: fit_threads
    resources:
        mem_mb=memory(4000),
        runtime=180,
    params:
        task=task_json,
        stamp=fit_stamp,
    shell:
        "meta fit --analysis {input.analysis} --task {params.task:q} --cores {threads}"
        " --output {output.posterior} 2>&1 | tee {log} >&2"
        " && printf %s {params.stamp} > {output.stamp}"
