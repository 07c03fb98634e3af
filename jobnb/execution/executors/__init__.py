"""Executors: each takes units that are ready, runs them somewhere and says how they ended."""
