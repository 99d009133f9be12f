"""What the documents under audit list, cite and tell, held against the evidence."""
