"""The part of a check that runs behind the glass. It imports the standard library only."""
