"""Benchmarks of a sandbox: its score records, and the tables and plots made from them."""
