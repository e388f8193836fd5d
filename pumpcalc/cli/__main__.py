"""Run as ``python -m pumpcalc.cli``: the core's commands where the console script is not installed."""

import sys

from pumpcalc.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
