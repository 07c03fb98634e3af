"""The `jobnb` command."""
