"""`python -m portal.cli`: how one process of the portal starts another."""

from portal.cli import main

main()
