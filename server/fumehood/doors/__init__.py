"""The doors: one module per wing, with `register(toolbox)`. Only chosen toolsets are imported."""
