"""Sandboxes with an interface and an evaluation of their own: run, record and compare variants.

A variant's child has the interface and the inputs, and nothing of the evaluation. The evaluation's
child has the subject, its data and the arrays, and nothing of the variant. Neither is trusted.
"""
