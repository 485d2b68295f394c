"""`python -m planform`."""

from planform.cli.main import main

main()
