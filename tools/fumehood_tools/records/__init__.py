"""Records: the results of a run, as typed, frozen models. Nothing here reads or writes files."""
