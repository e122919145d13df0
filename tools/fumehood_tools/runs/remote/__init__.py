"""Trainings on other machines: rented pods, hosts that the user reaches by ssh, and SkyPilot.

messages        what goes to such a machine and comes back
trainer         the program that runs there, of our own code
places          a machine that can be opened, watched and given back
hosts, renting  the two kinds of places
glass_there     which glass a machine has for variants, by what was seen of it
preparing       code and packages for a machine that was just opened
splits          how the training split gets to it: sent from here, or
harvest_there   harvested at one of the places, where it stays
harvest_checks  whether that is wanted, and whether what comes back is right
harvester       the program that harvests there, of our own code
copying         the training split from one pod to another
bringing        results and their answer, taken over without trust
trainee         one order, as the run sees it
serving         one place at work: it takes orders and brings their results
target          all places together, as a run sees them

SkyPilot has no places that are opened one by one, only jobs:

batches         what goes to the nodes of a job, and what they leave in a bucket
node            the program that runs on each node, of our own code
sky_batch       a batch of orders as a job
sky_results     from the bucket to this machine
sky_worker      the thread that launches jobs and watches them
sky             a run's target
"""
