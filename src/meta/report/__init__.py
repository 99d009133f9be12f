"""The report: figures, tables and one self-contained page, drawn from stored results alone."""
