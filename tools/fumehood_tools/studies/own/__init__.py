"""Studies in sandboxes with an evaluation of their own.

planning.py  what a plan registers: the sealed files, the metric, its power, what its run takes
matching.py  which scores belong to a plan
judging.py   the comparison behind a conclusion, and what it lacks

Plans, conclusions and the notebook are those of every study. There is no L0, no grid, no control
that fumehood makes, no sealed holdout and no re-test elsewhere.
"""
