"""Reading, checking and storing the evidence base: raw CSV rows to canonical tables."""
