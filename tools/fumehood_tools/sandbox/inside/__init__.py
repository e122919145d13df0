"""The part of the check that runs behind the glass, where `fumehood_tools` is not in view."""
