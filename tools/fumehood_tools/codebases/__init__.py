"""Find what may be a paper's code, and say where each candidate was found and what it is now.

Finding proves nothing: `fumehood_tools.validation` reads a candidate and tells whether it is the
paper's code.
"""
