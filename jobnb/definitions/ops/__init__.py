"""Ops and graphs: functions with inputs and outputs, and how they are put together."""
