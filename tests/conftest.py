"""What holds for all tests: nothing is judged by the clock, so examples have no deadline."""

from hypothesis import settings

settings.register_profile("fumehood", deadline=None)
settings.load_profile("fumehood")
