"""The doors: one module per wing, with `register(toolbox)`; imported when its toolset is chosen."""
