"""Code that runs behind the glass; nothing of the trusted side is imported here."""
