"""From definitions, a selection and raw config to what a run will do, step by step."""
