"""Scoring: sae-bench's own code on one side of the glass, the variant's on the other.

The scorer is a trusted process that imports sae-bench once and then scores one SAE after another.
It never imports a variant. A linear decoder is read out before the encoder sees a row and applied
here; a declared nonlinear one is asked when no encoder is left. Latents are handed over in bfloat16
through memory that only the scorer sees both ends of. What is checked on the way: bench/integrity.
"""
