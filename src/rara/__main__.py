"""`python -m rara` is the command `rara`."""

from rara.cli import main

main()
