"""Training that is written down elsewhere, as a module of planform: code of the SageMaker SDK, or a live job, queue or
environment.

Code is read, never run: this package parses it and follows values that are written in it. What a program finds out only
when it runs becomes a variable. The package reads no AWS; descriptions of live objects are handed in.
"""
