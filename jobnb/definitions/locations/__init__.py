"""Code locations: `Definitions`, repositories, and loading from modules."""
