"""The code that runs inside the glass. It may import the standard library, torch and `core` only.

Inside, this package is imported as `fumehood_child` (hence the relative imports), and nothing from
the trusted side can be imported. The trusted side imports it only to ask what the kernel supports,
and to compute distances.

    nursery.py   the parent process that has loaded torch; every child is a fork of it
    walls.py     restrictions that a child puts on itself before any code of a variant runs
    landlock.py, seccomp.py, syscalls.py, namespaces.py   the Linux features used for that
    serve.py     encode, decode and skip, on request
    probe.py     one forward and backward pass, to compare a variant with others
    distances.py how much two of these passes differ
    reference.py what the training of a packaged variant costs
"""
