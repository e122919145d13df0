"""The hunt: find the latent of a concept in a scored SAE, with few questions, and be scored on it.

records.py      what is entered: the task, questions, answers, and the score
journal.py      enter them, count them, and read a hunt
drawing.py      which concepts a hunt is about
sae.py          the SAE of a hunt, by its receipt
opening.py      open a hunt
host.py         the process that answers questions, kept while it is used
asking.py       ask a question
answering.py    answer a repeat, and start the scoring
worker.py       the job: score all repeats
calibration.py  from measurements to a score between a random control and the best latent
messages.py     what is sent to the trusted process
__main__.py     the trusted process: asks the encoder behind the glass, measures answers
subject.py      the two kinds of subjects: their texts, concepts, and passes with a steered site
bench.py        the SAE behind the glass: latents of texts, contexts and effects of a latent
measuring.py    detection and steering on held-back texts

What an agent may know is in the answers to its questions. The held-back texts are drawn with a
secret that follows from the workspace's key; they are in no record, result or log.
"""
