"""The agent: the program that we put on a rented machine. It starts jobs and keeps them going.

Runs on Python 3.8 and newer with the standard library alone, as one file: `agent.packed` makes a
zip archive of this package, which `python3 agent.pyz COMMAND …` runs. It never imports the rest of
fumehood, and asks the network for nothing, but for the end of its own pod (`watchdog`).

Covered: jobs that outlive the connection and the controller, one start however often it is asked
for, honest states after a restart of the machine, a capped log, time limits, cancelling, processes
that a job leaves behind, results listed with their digests, a pod that nobody looks after.
Not covered: a job that wants to harm its pod. It runs as the same user and can read, change or end
whatever the agent can, the pod's API key in the environment of process 1 included. So whatever the
agent says is checked by the controller, and counts as the pod's word, not as proof.
"""
