"""Check: estimands and every check of a fit; then the gate, after the draft report.

Inputs: posterior.nc and the analysis set. Outputs: fit.json, pooled.csv, diagnostics.csv,
draws.parquet; gate.txt when every check holds. Reads config: gate, ci_prob, exceedance, seed.
"""


rule diagnose:
    input:
        posterior=f"{FITS}/posterior.nc",
        analysis=analysis_unless(f"{FITS}/diagnose.stamp", diagnose_stamp),
    output:
        record=f"{FITS}/fit.json",
        pooled=f"{FITS}/pooled.csv",
        diagnostics=f"{FITS}/diagnostics.csv",
        draws=f"{FITS}/draws.parquet",
        stamp=f"{FITS}/diagnose.stamp",
    log:
        "logs/diagnose/{model}.log",
    benchmark:
        "logs/benchmarks/diagnose/{model}.tsv"
    conda:
        "../envs/meta.yaml"
    resources:
        mem_mb=memory(1000),
        runtime=30,
    params:
        task=task_json,
        stamp=diagnose_stamp,
        gate=SETTINGS.gate.model_dump_json(),
        ci_prob=SETTINGS.ci_prob,
        exceedance=json.dumps(SETTINGS.exceedance),
        folder=lambda wildcards, output: Path(output.record).parent,
    shell:
        "meta diagnose --posterior {input.posterior} --analysis {input.analysis}"
        " --task {params.task:q} --gate {params.gate:q} --ci-prob {params.ci_prob}"
        " --exceedance {params.exceedance:q}"
        " --output {params.folder} 2>&1 | tee {log} >&2"
        " && printf %s {params.stamp} > {output.stamp}"


rule gate:
    input:
        diagnostics=expand(f"{FITS}/diagnostics.csv", model=MODELS),
        checks=expand(f"{CHECKS}/diagnostics.csv", model=MODELS),
        chains=expand(f"{CHAIN}/diagnostics.csv", model=CHAINS),
        codes=[f"{CODES}/diagnostics.csv"] if CODED else [],
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
        code=code_fingerprint("meta.steps:gate"),
    shell:
        "meta gate {input.diagnostics} {input.checks} {input.chains} {input.codes} --output {output.passed} 2>&1 | tee {log} >&2"
