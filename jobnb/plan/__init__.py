"""Resolve definitions, a selection and raw config into a plan: what a run does, step by step."""
