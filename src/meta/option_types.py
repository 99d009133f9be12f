"""Types of the command line's options."""

from pathlib import Path

import click

FOLDER = click.Path(file_okay=False, path_type=Path)
#: That it may be read is seen, and told with what to do, when it is.
FILE = click.Path(dir_okay=False, readable=False, path_type=Path)
