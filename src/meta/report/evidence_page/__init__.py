"""The evidence page: studies, arms and cases, with codes, provenance and what each contributes."""
