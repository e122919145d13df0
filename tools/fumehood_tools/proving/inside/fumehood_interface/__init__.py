"""What a child behind the glass runs to prove the interface of a sandbox. Imports torch."""
