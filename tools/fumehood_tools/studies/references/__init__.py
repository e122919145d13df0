"""References: what a report or a reflection may cite, found in signed records and never typed.

    score:SANDBOX/LABEL/SEED#METRIC     one SAE; SEED may be the name of a run's folder
    mean:SANDBOX/LABEL#METRIC           mean over all seeds of a label in one setting
    sd:SANDBOX/LABEL#METRIC             standard deviation over the same seeds
    conclusion:ENTRY/VARIANT#FIELD      effect, low, high, p, p_adjusted, verdict, seeds
    conclusion:ENTRY#FIELD              tries, look, minutes, usd
    holdout:ENTRY/VARIANT#FIELD         as for a conclusion
    plan:ENTRY#FIELD                    smallest_effect, seeds, looks, noise, detectable …
    study#FIELD                         saes, minutes, usd, entries, plans, conclusions
    entry:NUMBER                        an entry, by its number
    quote:PAPER "words"                 words of a paper that was read
    pack:PACK/PATH#FIRST-LAST           lines of a file in a pack

A score of another setting than the usual one: mean:SANDBOX/LABEL@SETTING#METRIC.

grammar.py   read a reference
stating.py   what a reference says, computed from records alone; a stranger computes the same
seeds.py     the scores of one label, all seeds of it, with their receipts
registering.py  whether a conclusion is what its plan foresaw
resolving.py find the records, check them, and state what they say
quotes.py    find quoted words in papers and lines in packs
"""
