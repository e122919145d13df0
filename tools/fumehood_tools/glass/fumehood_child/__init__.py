"""What runs on the far side of the glass. Standard library, torch and the template's `core` only.

Known there as the package `fumehood_child`, hence the relative imports; nothing of the trusted
side can be imported here. The trusted side asks it only what the kernel offers.

    nursery.py   the parent with torch loaded, of which every child is a fork
    walls.py     what a child does to itself before any code of a variant runs
    landlock.py, seccomp.py, syscalls.py, namespaces.py   the kernel's own means, on Linux
    serve.py     encode and decode, on request
    probe.py     one forward and backward pass, for the comparison with other variants
    distances.py how far two of these passes lie apart
"""
