"""Audit of the documents: what they get wrong, their tables reproduced, their lists with evidence.

Inputs: the warehouse. Outputs: findings on figures, citations, goals and kinds of failure; items of the documents'
taxonomies with the evidence of each; the published tables, each a file, if the claims are of them; a page of all of it. Left out where no
table of the audit is there.
"""

AUDIT_TABLES = ("documents", "taxonomy", "citations", "goal_pairs", "claims")
AUDIT_REPORTS = (
    ["reports/audit.html"]
    if any(Path(f"data/raw/{table}.csv").is_file() for table in AUDIT_TABLES)
    else []
)


rule audit:
    input:
        database="data/processed/evidence.duckdb",
    output:
        taxonomy=result_table("taxonomy"),
        findings=result_table("findings"),
        published=directory("reports/published"),
        page=site_page("audit"),
    log:
        "logs/audit.log",
    benchmark:
        "logs/benchmarks/audit.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.steps:audit"),
        folder=lambda wildcards, output: Path(output.page).parent,
        pages=[f"--page {Path(page).name}" for page in SITE + AUDIT_REPORTS],
    shell:
        "meta audit --database {input.database} {params.pages} --output {params.folder} 2>&1 | tee {log} >&2"
