"""A sandbox: one folder in which an agent may change everything in `variants/` and nothing else."""
