"""Policies over plans: the files that hold them, and the interpreter that judges. It decides nothing about applying."""
