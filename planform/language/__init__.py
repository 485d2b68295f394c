"""Text in, values out: expressions, and the configuration they stand in. It knows nothing of state, plans or AWS."""
