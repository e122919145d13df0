"""The declarations of the wings: settings, keys, endpoints, job slots, doctor's parts, kinds.

They are plain data, so that every process can read them without importing the wing's code.
`declared` has the types, `table` has one value per wing.
"""
