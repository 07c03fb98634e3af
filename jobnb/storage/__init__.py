"""The history: runs, events, assets and stored values."""
