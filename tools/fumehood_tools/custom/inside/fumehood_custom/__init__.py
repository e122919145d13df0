"""What the two children of a custom sandbox run behind the glass. Imports torch."""
