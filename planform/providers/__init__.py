"""Who makes resources real: one package or module per entry under `provider:`. This package knows nothing of plans."""
