"""Sandboxes: folders in which an agent may change the files in `variants/` and nothing else."""
