"""Risk: the risk of deployment profiles, by the published formula and by the evidence.

Inputs: posteriors of the model that has every field of a profile and of the model of harm, draws
of the model of contrasts, canonical tables. Outputs: data/processed/risk/, from which `meta risk`
answers; reports/risk.csv; reports/modifiers.csv, from the diagnosed models of a modifier's field;
reports/risk_sensitivity.csv and reports/value_of_information.csv. Reads config: chain, risk, models,
priors, seed, ci_prob.

Nothing here runs for an evidence base without data/raw/claims.csv or without those models.
"""


rule risk_basis:
    input:
        rates=lambda wildcards: fit_file(RISK.rates, "posterior.nc"),
        # Rewritten rows refit the model, so that the posterior tells whether they changed.
        rates_rows=lambda wildcards: ancient(analysis_file(RISK.rates)),
        harm=lambda wildcards: fit_file(RISK.harm, "posterior.nc"),
        harm_rows=lambda wildcards: ancient(analysis_file(RISK.harm)),
        contrasts=lambda wildcards: (
            [fit_file(RISK.contrasts, "draws.parquet")] if RISK.contrasts else []
        ),
    output:
        draws="data/processed/risk/draws.parquet",
        prior="data/processed/risk/prior.parquet",
        record="data/processed/risk/basis.json",
    log:
        "logs/risk_basis.log",
    benchmark:
        "logs/benchmarks/risk_basis.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.risk_steps:risk_basis"),
        task=lambda wildcards: SETTINGS.chain_task(RISK.rates, RISK.harm).model_dump_json(),
        rates=lambda wildcards: SETTINGS.task(RISK.rates).model_dump_json(),
        harm=lambda wildcards: SETTINGS.task(RISK.harm).model_dump_json(),
        contrasts=lambda wildcards, input: [f"--contrasts {file}" for file in input.contrasts],
        folder=lambda wildcards, output: Path(output.record).parent,
    shell:
        "meta risk-basis --task {params.task:q} --rates {input.rates} {input.rates_rows}"
        " {params.rates:q} --harm {input.harm} {input.harm_rows} {params.harm:q}"
        " {params.contrasts} --output {params.folder} 2>&1 | tee {log} >&2"


rule risk_table:
    input:
        tables=ancient("data/processed/tables"),
        claims="reports/claims.csv",
        record="data/processed/risk/basis.json",
    output:
        table=result_table("risk"),
        calculator=RISK_CALCULATOR,
    log:
        "logs/risk_table.log",
    benchmark:
        "logs/benchmarks/risk_table.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.risk_steps:risk_table"),
        folder=lambda wildcards, input: Path(input.record).parent,
        seed=SETTINGS.seed,
        ci_prob=SETTINGS.ci_prob,
    shell:
        "meta risk-table --tables {input.tables} --basis {params.folder} --seed {params.seed}"
        " --ci-prob {params.ci_prob} --calculator {output.calculator} --output {output.table}"
        " 2>&1 | tee {log} >&2"


rule modifier_ratios:
    input:
        tables=ancient("data/processed/tables"),
        claims="reports/claims.csv",
        records=expand(f"{FITS}/fit.json", model=RISK_RATES),
        pooled=expand(f"{FITS}/pooled.csv", model=RISK_RATES),
        draws=expand(f"{FITS}/draws.parquet", model=RISK_RATES),
    output:
        table=result_table("modifiers"),
    log:
        "logs/modifier_ratios.log",
    benchmark:
        "logs/benchmarks/modifier_ratios.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.risk_steps:modifier_ratios"),
        fits=lambda wildcards, input: [Path(path).parent for path in input.records],
    shell:
        "meta modifier-ratios {params.fits} --tables {input.tables} --output {output.table}"
        " 2>&1 | tee {log} >&2"


rule risk_sensitivity:
    input:
        tables=ancient("data/processed/tables"),
        claims="reports/claims.csv",
        record="data/processed/risk/basis.json",
    output:
        sensitivity=result_table("risk_sensitivity"),
        information=result_table("value_of_information"),
    log:
        "logs/risk_sensitivity.log",
    benchmark:
        "logs/benchmarks/risk_sensitivity.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.risk_steps:risk_sensitivity"),
        folder=lambda wildcards, input: Path(input.record).parent,
        settings=SETTINGS.risk.model_dump_json(),
        seed=SETTINGS.seed,
        ci_prob=SETTINGS.ci_prob,
    shell:
        "meta risk-sensitivity --tables {input.tables} --basis {params.folder}"
        " --settings {params.settings:q} --seed {params.seed} --ci-prob {params.ci_prob}"
        " --sensitivity {output.sensitivity} --information {output.information}"
        " 2>&1 | tee {log} >&2"
