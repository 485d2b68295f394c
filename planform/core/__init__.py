"""The nouns: frozen values and the protocols of the edges.

This package imports the standard library only. It knows nothing of YAML, of expressions, of AWS or of Docker.
"""
