"""Check: estimands and every check of a fit; then the gate, after the draft report.

Inputs: posterior.nc and the analysis set. Outputs: fit.json, pooled.csv, diagnostics.csv,
draws.parquet; gate.txt when every check holds. Reads config: gate, ci_prob, seed.
"""


rule diagnose:
    input:
        posterior="data/processed/fits/{model}/posterior.nc",
        analysis=ancient("data/processed/analysis/{model}.parquet"),
    output:
        record="data/processed/fits/{model}/fit.json",
        pooled="data/processed/fits/{model}/pooled.csv",
        diagnostics="data/processed/fits/{model}/diagnostics.csv",
        draws="data/processed/fits/{model}/draws.parquet",
    log:
        "logs/diagnose/{model}.log",
    benchmark:
        "logs/benchmarks/diagnose/{model}.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.cli:diagnose"),
        task=task_json,
        gate=SETTINGS.gate.model_dump_json(),
        ci_prob=SETTINGS.ci_prob,
        folder=lambda wildcards, output: Path(output.record).parent,
    shell:
        "meta diagnose --posterior {input.posterior} --analysis {input.analysis}"
        " --task {params.task:q} --gate {params.gate:q} --ci-prob {params.ci_prob} --output {params.folder} 2>&1 | tee {log} >&2"


rule gate:
    input:
        diagnostics=expand("data/processed/fits/{model}/diagnostics.csv", model=MODELS),
        # The draft report comes first, so that a failed gate leaves it to be read.
        report="reports/index.html",
    output:
        passed="data/processed/gate.txt",
    log:
        "logs/gate.log",
    benchmark:
        "logs/benchmarks/gate.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.cli:gate"),
    shell:
        "meta gate {input.diagnostics} --output {output.passed} 2>&1 | tee {log} >&2"
