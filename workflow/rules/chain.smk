"""Chain: harm of catalogued cases joined, draw by draw, to the rates of evaluations.

Inputs: posteriors of a model of rates and of one of harm, with their analysis sets. Outputs:
data/processed/chains/<model of rates>/. Reads config: chain, the notoriety of the model of harm,
sensitivity.correlations, gate, ci_prob, seed.

Nothing here runs for an evidence base without a model of harm.
"""


rule chain:
    input:
        rates=f"{FITS}/posterior.nc",
        # Rewritten rows refit the model, so that the posterior tells whether they changed.
        rates_rows=lambda wildcards: ancient(analysis_file(wildcards.model)),
        harm=lambda wildcards: fit_file(CHAINS[wildcards.model].harm, "posterior.nc"),
        harm_rows=lambda wildcards: ancient(analysis_file(CHAINS[wildcards.model].harm)),
    output:
        record=f"{CHAIN}/chain.json",
        pooled=f"{CHAIN}/pooled.csv",
        diagnostics=f"{CHAIN}/diagnostics.csv",
        correlation=f"{CHAIN}/correlation.csv",
        draws=f"{CHAIN}/draws.parquet",
    log:
        "logs/chain/{model}.log",
    benchmark:
        "logs/benchmarks/chain/{model}.tsv"
    wildcard_constraints:
        model="|".join(CHAINS) or "none",
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.steps:chain"),
        task=lambda wildcards: CHAINS[wildcards.model].model_dump_json(),
        rates=task_json,
        harm=lambda wildcards: SETTINGS.task(CHAINS[wildcards.model].harm).model_dump_json(),
        gate=SETTINGS.gate.model_dump_json(),
        ci_prob=SETTINGS.ci_prob,
        folder=lambda wildcards, output: Path(output.pooled).parent,
    shell:
        "meta chain --task {params.task:q} --rates {input.rates} {input.rates_rows}"
        " {params.rates:q} --harm {input.harm} {input.harm_rows} {params.harm:q}"
        " --gate {params.gate:q} --ci-prob {params.ci_prob} --output {params.folder}"
        " 2>&1 | tee {log} >&2"
