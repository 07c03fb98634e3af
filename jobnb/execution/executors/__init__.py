"""Executors: each takes units that are ready, runs them somewhere and tells how they ended."""
