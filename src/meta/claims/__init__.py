"""Claims audit: what the documents print, held against their own sums and against the evidence."""
