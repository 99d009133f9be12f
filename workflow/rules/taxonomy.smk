"""Taxonomies and findings: what the documents under audit list, cite and tell, held against the evidence.

Inputs: the warehouse. Outputs: items of the documents' taxonomies with the evidence of each, and findings on
citations, goals, kinds of failure and open sections. Left out where no table of the audit is there.
"""

AUDIT_TABLES = ("documents", "taxonomy", "citations", "goal_pairs")
AUDIT_REPORTS = (
    ["reports/taxonomy.csv", "reports/findings.csv"]
    if any(Path(f"data/raw/{table}.csv").is_file() for table in AUDIT_TABLES)
    else []
)


rule audit_tables:
    input:
        database="data/processed/evidence.duckdb",
    output:
        taxonomy="reports/taxonomy.csv",
        findings="reports/findings.csv",
    log:
        "logs/audit_tables.log",
    benchmark:
        "logs/benchmarks/audit_tables.tsv"
    conda:
        "../envs/meta.yaml"
    params:
        code=code_fingerprint("meta.steps:audit_tables"),
    shell:
        "meta audit-tables --database {input.database} --taxonomy {output.taxonomy}"
        " --findings {output.findings} 2>&1 | tee {log} >&2"
