"""Other machines that train: rented GPU machines ("pods"), and hosts of the user's own.

api        speaks with the provider of pods
rentals    what was rented: journal, caps, adoption, provable ends, the reaper
ssh        commands and files over ssh
agent      jobs on a machine: a program of ours over there, and our side of it
sky        SkyPilot, out of process
hosts      hosts.toml
wanted, wishes, pricing, overview, telling, configured    what callers ask for and are told
"""
