"""`python -m jobnb.cli` is the `jobnb` command."""

from __future__ import annotations

from jobnb.cli.main import main

if __name__ == "__main__":
    main()
