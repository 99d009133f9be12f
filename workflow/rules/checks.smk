"""Checks of a fit against data: predictive, leave-one-study-out, LOO-PIT, influence.

Inputs: posterior.nc and the analysis set. Outputs: tables of data/processed/checks/<model>/, of
which diagnostics.csv holds what gates. Reads config: checks, ci_prob, seed.
"""


rule check_fit:
    input:
        posterior=f"{FITS}/posterior.nc",
        analysis=analysis_unless(f"{CHECKS}/checks.stamp", checks_stamp),
    output:
        diagnostics=f"{CHECKS}/diagnostics.csv",
        warnings=f"{CHECKS}/warnings.csv",
        prior=f"{CHECKS}/prior_predictive.csv",
        posterior=f"{CHECKS}/posterior_predictive.csv",
        loo=f"{CHECKS}/leave_one_out.csv",
        pit=f"{CHECKS}/loo_pit.csv",
        bands=f"{CHECKS}/loo_pit_bands.csv",
        influence=f"{CHECKS}/influence.csv",
        studies=f"{CHECKS}/influence_by_study.csv",
        summary=f"{CHECKS}/summary.json",
        stamp=f"{CHECKS}/checks.stamp",
    log:
        "logs/check_fit/{model}.log",
    benchmark:
        "logs/benchmarks/check_fit/{model}.tsv"
    conda:
        "../envs/meta.yaml"
    threads: fit_threads
    resources:
        mem_mb=memory(2000),
        runtime=180,
    params:
        task=task_json,
        stamp=checks_stamp,
        checks=SETTINGS.checks.model_dump_json(),
        ci_prob=SETTINGS.ci_prob,
        folder=lambda wildcards, output: Path(output.summary).parent,
    shell:
        "meta check-fit --posterior {input.posterior} --analysis {input.analysis}"
        " --task {params.task:q} --checks {params.checks:q} --ci-prob {params.ci_prob}"
        " --cores {threads} --output {params.folder} 2>&1 | tee {log} >&2"
        " && printf %s {params.stamp} > {output.stamp}"
