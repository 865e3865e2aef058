"""`python -m duyen` is the `duyen` command."""

from duyen.cli import main

main()
