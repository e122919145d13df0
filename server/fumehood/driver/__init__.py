"""Drive a study unattended, with the model of any OpenAI-compatible endpoint.

limits.py      what a drive may cost, and what it has cost
transcript.py  the conversation on disk, so that a drive that was killed continues
chat.py        one request to the endpoint, with its failures
workshop.py    the tools that stand in for the file tools of a coding agent
toolset.py     the tools of the server and of the workshop, as the model sees them
drive.py       the loop
command.py     `fumehood study run`

The model gets the tools of an ordinary server over stdio and nothing else: no shell, no network, no
file outside the variants of the workspace's sandboxes.
"""
