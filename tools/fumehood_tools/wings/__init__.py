"""What each wing needs below the server: settings, keys, endpoints, job slots, doctor's parts.

Plain data, so that every process of ours knows it without importing the wing: `declared` holds the
types, `table` one value per wing of the package.
"""
