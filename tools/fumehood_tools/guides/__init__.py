"""Guides to packages: their format, the check that runs every block of them, and their shelf."""
