"""Services on the web: reached with bounded waits, in turns, and with typed failures."""
