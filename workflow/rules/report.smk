"""Report: pages, figures and tables of results, stamped when a check fails.

Inputs: the warehouse; every model's record, pooled results, diagnostics, checks and figures of the sampler; analysis sets; flow; studies;
corrections; what changed since the latest release; agreement and disagreements of coders where anything is coded.
The audit of claims, where there are any. Rates joined to harm, where any are. Sensitivity analyses; the multiverse where it is of the present inputs; committed calibrations.
Outputs: reports/, with a folder of figures a page that has any. Reads config: sensitivity, multiverse.
"""


rule report:
    input:
        records=expand(f"{FITS}/fit.json", model=MODELS),
        pooled=expand(f"{FITS}/pooled.csv", model=MODELS),
        diagnostics=expand(f"{FITS}/diagnostics.csv", model=MODELS),
        checks=expand(f"{CHECKS}/summary.json", model=MODELS),
        figures=expand(f"{FIGURES}/figures.json", model=MODELS),
        index="data/processed/analysis/index.json",
        flow="data/processed/flow.json",
        bibliography="data/processed/bibliography.parquet",
        corrections="data/processed/corrections.json",
        changes="reports/changes.json",
        codes=code_results,
        sets=[analysis_file(model) for model in IMPUTED],
        sensitivity=sensitivity_results,
        multiverse=multiverse_result,
        claims=CLAIMS,
        risk=[*RISK_REPORTS[:2], RISK_CALCULATOR] if RISK else [],
        drivers=RISK_REPORTS[2:],
        database="data/processed/evidence.duckdb",
        chains=expand(f"{CHAIN}/chain.json", model=CHAINS),
        chain_rows=expand(f"{CHAIN}/pooled.csv", model=CHAINS),
        chain_checks=expand(f"{CHAIN}/diagnostics.csv", model=CHAINS),
        chain_correlations=expand(f"{CHAIN}/correlation.csv", model=CHAINS),
    output:
        **CODE_REPORTS,
        **SENSITIVITY_REPORTS,
        **EXTRA_REPORTS,
        **CLAIM_REPORTS,
        **RISK_PAGE,
        calibrations=expand(
            f"{FIGURES}/calibration.{{kind}}", model=CALIBRATED, kind=["svg", "json"]
        ),
        index=site_page("index"),
        index_figures=page_figures("index"),
        methods=site_page("methods"),
        methods_figures=page_figures("methods"),
        priors=result_table("prior_implications"),
        pooled=result_table("pooled"),
        diagnostics=result_table("diagnostics"),
        checks=site_page("diagnostics"),
        checks_figures=page_figures("diagnostics"),
        evidence=site_page("evidence"),
        rows=result_table("evidence"),
        codebook=site_page("codebook"),
        summary=report(
            "reports/summary.md",
            caption="../report/summary.rst",
            category="Summary",
            labels={"file": "summary.md"},
        ),
        results="reports/results.json",
        bibtex="reports/references.bib",
        csl="reports/references.json",
    log:
        "logs/report.log",
    benchmark:
        "logs/benchmarks/report.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.steps:report"),
        fits=lambda wildcards, input: [Path(path).parent for path in input.records],
        folder=lambda wildcards, output: Path(output.index).parent,
        checks=Path(CHECKS).parent,
        figures=Path(FIGURES).parent,
        codes=f"--codes {CODES}" if CODED else "",
        sensitivity=[f"--sensitivity {CHECKS.format(model= m)}" for m in SENSITIVE],
        few=SETTINGS.sensitivity.few_studies,
        settings=SETTINGS.model_dump_json(include={"sensitivity", "multiverse", "risk"}),
        claims=lambda wildcards, input: [f"--claims {file}" for file in input.claims],
        risk=lambda wildcards, input: (
            f"--risk {input.risk} --risk-drivers {input.drivers}" if input.risk else ""
        ),
        chains=lambda wildcards, input: [f"--chain {Path(file).parent}" for file in input.chains],
        multiverse=lambda wildcards, input: [f"--multiverse {file}" for file in input.multiverse],
        others=lambda wildcards: [f"--page {Path(page).name}" for page in AUDIT_REPORTS],
        calibration="--calibration calibration" if Path("calibration").is_dir() else "",
        # Committed, and no input: as one, Snakemake would measure for an hour what is stale.
        measured=digest(
            *(path.read_text() for path in sorted(Path("calibration").glob("*/*.json")))
        ),
    shell:
        "meta report {params.fits} --index {input.index} --flow {input.flow}"
        " --bibliography {input.bibliography} --corrections {input.corrections}"
        " --changes {input.changes} --checks {params.checks} --figures {params.figures} {params.codes} {params.sensitivity}"
        " --few-studies {params.few} --settings {params.settings:q}"
        " {params.multiverse} {params.calibration} {params.claims} {params.risk}"
        " --evidence {input.database} {params.chains}"
        " {params.others} --output {params.folder} 2>&1 | tee {log} >&2"


# Pages of the report, for the navigation of those that other rules write.
SITE = [page for page in rules.report.output if str(page).endswith(".html")]
