"""Custom evaluations: one Python file that measures SAEs which have a score already.

source.py    the rules for a file, and what it declares
profile.py   what its child behind the glass can read
inside/      what it gets, and the program that runs it
judging.py   run it several times, and check what it returned
dry_run.py   try it on random latents, before any SAE is evaluated
encoding.py  the latents of an SAE, from the scorer's stream
material.py  what an evaluation gets, as files; the same permuted, shuffled and random
process.py   the trusted process of a job
choosing.py  which SAEs are evaluated
recording.py the signed records, and which of them are there already
worker.py    the job
start.py     check a request and queue its job
sae_bench.py sae-bench's other evaluations: what each needs, and what of it is not here
sae_bench_absorption.py, spelling.py  sae-bench's absorption: the SAE and the subject that it gets
"""
