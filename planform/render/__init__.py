"""This package turns plans, states, runs and problems into text and JSON. It reads no file and decides nothing."""
