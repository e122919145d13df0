"""The registry of the kinds of records and of the metrics, used by all readers.

Readers (table, plot, page, comparison, receipts) hard-code no metrics and no kinds; they look them
up here. A wing adds its own with `register_kind`, in each process that serves the wing.
"""
