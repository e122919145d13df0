"""Stand-ins for services that can't be reached: they speak the real wire formats on loopback."""
