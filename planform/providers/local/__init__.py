"""This machine as a provider: a durable queue, training runs as processes, no daemon (S7).

Everything lives in `.planform/` of the root module folder. Once a run is started it is its supervisor's matter, and
outlives the command that launched it. This package leaves out what containers need.
"""
