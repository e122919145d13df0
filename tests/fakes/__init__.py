"""Fakes of services that tests cannot reach. They use the real wire formats, on loopback."""
