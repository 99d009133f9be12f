"""Calibration: simulated data sets at the shape of the evidence, fitted like it; only when asked for.

`snakemake calibration` (or `make calibrate`). Inputs: analysis sets. Outputs: calibration/<model>/,
which is committed. Reads config: models, priors, sampler, seed. The environment variable
REPLICATES sets another number of replicates, for a trial; SHARD_SIZE how many of them a job makes.
"""

import os

from meta.config import CALIBRATION_REPLICATES

#: Replicates of one job. Each job compiles the model once, which costs about as much as ten.
SHARD_SIZE = int(os.environ.get("SHARD_SIZE") or 50)
SHARD = "data/processed/calibration/{model}/{replicates}-{number}-of-{shards}.parquet"
REPLICATES = {
    model: int(
        os.environ.get("REPLICATES") or CALIBRATION_REPLICATES[SETTINGS.models[model].primary]
    )
    for model in MODELS
}
SHARDS = {
    model: expand(
        SHARD,
        model=model,
        replicates=replicates,
        number=range(1, max(1, round(replicates / SHARD_SIZE)) + 1),
        shards=max(1, round(replicates / SHARD_SIZE)),
    )
    for model, replicates in REPLICATES.items()
}


rule calibration:
    input:
        expand("calibration/{model}/calibration.json", model=MODELS),


rule calibrate_shard:
    input:
        analysis=lambda wildcards: analysis_file(wildcards.model),
    output:
        ranks=SHARD,
    log:
        "logs/calibration/{model}/{replicates}-{number}-of-{shards}.log",
    benchmark:
        "logs/benchmarks/calibration/{model}/{replicates}-{number}-of-{shards}.tsv"
    conda:
        "../envs/meta.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=240,
    params:
        code=code_fingerprint("meta.cli:calibrate"),
        task=task_json,
    shell:
        "meta calibrate {wildcards.model} --analysis {input.analysis} --task {params.task:q}"
        " --replicates {wildcards.replicates} --shard {wildcards.number}/{wildcards.shards}"
        " --output {output.ranks} 2>&1 | tee {log} >&2"


rule merge_calibration:
    input:
        analysis=lambda wildcards: analysis_file(wildcards.model),
        shards=lambda wildcards: SHARDS[wildcards.model],
    output:
        record="calibration/{model}/calibration.json",
        ranks="calibration/{model}/ranks.parquet",
        rows="calibration/{model}/rows.parquet",
        figure="calibration/{model}/ecdf.svg",
    log:
        "logs/calibration/{model}.log",
    benchmark:
        "logs/benchmarks/calibration/{model}.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.cli:calibration"),
        task=task_json,
        folder=lambda wildcards, output: Path(output.record).parent,
    shell:
        "meta calibration {wildcards.model} {input.shards} --analysis {input.analysis}"
        " --task {params.task:q} --output {params.folder} 2>&1 | tee {log} >&2"
