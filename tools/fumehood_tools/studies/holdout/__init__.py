"""The sealed holdout of a study, and the re-test of a winner elsewhere.

seal.py       the secret from which the holdout's documents are drawn
unseen.py     rows of documents that no row of either split of a sandbox comes from
__main__.py   the process that computes activations of these rows
standing.py   the scores that a plan's verdicts stand on
questions.py  count the questions, and enter the answers
asking.py     start a question as a job
worker.py     the job: score the plan's weights on the holdout and judge them
places.py     where a winner is tested again
promotion.py  what is tested again, and what it costs
promoting.py  start a re-test as a job
retest.py     the job: train, score and judge elsewhere

The answer to a question is a verdict and an effect with its interval for each variant. Activations,
reconstructions and metrics of single SAEs are in a folder that exists while the job runs, and in no
cache, log or record.
"""
