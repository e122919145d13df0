"""What can be recorded and measured: kinds of records and metrics, one table each for all readers.

Readers (table, plot, page, comparison, receipts) name no metric and no kind of their own: they read
these tables. A wing adds to them with `register_kind`, in the process that serves it.
"""
