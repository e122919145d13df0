"""Records: what a run leaves behind, as typed and frozen models. Reads and writes nothing."""
