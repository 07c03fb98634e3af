"""The nouns: what was written, frozen, with nothing resolved yet."""
