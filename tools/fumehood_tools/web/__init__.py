"""Access to web services: every wait has a limit, requests are paced, and failures are typed."""
