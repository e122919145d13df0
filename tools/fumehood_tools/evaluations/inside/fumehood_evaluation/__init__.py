"""What an evaluation gets, and the program that runs it behind the glass.

latents.py  the latents of the evaluation's rows
context.py  everything else: activations, tokens, decoder, labels, planted truth
made_up.py  random data of the same form, for a dry run
warm.py     what children need that only their parent can read
run.py      the program: load the file, call evaluate(latents, context), write what it returned

Inside the glass this package is imported as `fumehood_evaluation`, and only numpy, scipy,
scikit-learn and torch are there besides the standard library.
"""
