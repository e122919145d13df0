"""Trainings on other machines: rented pods, and hosts that the user reaches by ssh.

messages        what goes to such a machine and comes back
trainer         the program that runs there, of our own code
places          a machine that can be opened, watched and given back
hosts, renting  the two kinds of places
glass_there     which glass a machine has for variants, by what was seen of it
preparing       code, data and packages for a machine that was just opened
bringing        results and their answer, taken over without trust
trainee         one order, as the run sees it
serving         one place at work: it takes orders and brings their results
target          all places together, as a run sees them
"""
