"""All that a code location offers, and loading it from modules."""
