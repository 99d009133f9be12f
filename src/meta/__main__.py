"""Run the command line as `python -m meta`."""

from meta.cli import main

main()
