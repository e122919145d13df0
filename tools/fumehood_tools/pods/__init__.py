"""Rented GPU machines ("pods"): renting them, running jobs on them, and giving them back.

`api` speaks with the provider.
"""
