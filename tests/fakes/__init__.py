"""Servers that stand in for others, at the wire."""
