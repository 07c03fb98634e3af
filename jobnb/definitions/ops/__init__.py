"""Ops and graphs: functions with inputs and outputs, and their composition."""
