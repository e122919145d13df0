"""Prove that a folder is a sandbox: the standard, and the checks behind validate_sandbox.

docs/sandbox-standard.md is the standard in words; standard.py is the same list as data. The modules
of this package each try some of its requirements; validate.py runs them in order.
"""
