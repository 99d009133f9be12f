"""Sampler: how each fit was sampled, drawn with ArviZ: ranks, traces, energy, pairs, priors.

Inputs: posterior.nc. Outputs: reports/figures/<model>/, each figure with its data, what they are
of, some draws, and the specification of the fit. Reads config: gate (lines of thresholds).
"""


rule sampler_figures:
    input:
        posterior=f"{FITS}/posterior.nc",
    output:
        *[
            f"{FIGURES}/{figure}.{kind}"
            for figure in ("rank", "trace", "ess", "energy", "prior_posterior")
            for kind in ("png", "csv")
        ],
        pair=f"{FIGURES}/pair.png",
        thinned=f"{FIGURES}/posterior_thinned.nc",
        specification=f"{FIGURES}/specification.yaml",
        record=f"{FIGURES}/figures.json",
    log:
        "logs/sampler_figures/{model}.log",
    benchmark:
        "logs/benchmarks/sampler_figures/{model}.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.steps:sampler_figures"),
        gate=SETTINGS.gate.model_dump_json(),
        folder=lambda wildcards, output: Path(output.record).parent,
    shell:
        "meta sampler-figures --posterior {input.posterior} --gate {params.gate:q}"
        " --output {params.folder} 2>&1 | tee {log} >&2"
