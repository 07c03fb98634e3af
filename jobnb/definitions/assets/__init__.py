"""Assets: keys, specs, definitions and decorators."""
