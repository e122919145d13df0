"""Pods that somebody rents for themselves: to keep them for later runs, or to run a script on each.

request   what is asked for            start     checked, and queued as a job
worker    the job                      scripts   one script on one pod
ending    pods ended by name
"""
