"""Scoring: sae-bench's own code on one side of the glass, the variant's on the other.

The scorer is a trusted process that imports sae-bench once and then scores one SAE after another.
It never imports a variant: encode runs in one child, decode in another, latents cross between them
in bfloat16 through memory that only the scorer sees both ends of.
"""
