"""`python -m infra.cli`: the command line without the console script, for child processes."""

from infra.cli import main

main()
