"""Rent pods, watch what they cost, and end them provably: journal, caps, adoption, reaper.

names, clock, model, failures   what everything here speaks of
database, journal               what was rented, by transactions
desk                            the provider, the journal and the clock together
creating, booting, renting      from a wish to a pod that can be reached
watching                        while it is up
proving, ending                 until the provider says that it is gone
reaping, reaper, starting       what needs no controller
quotes                          before anything
"""

from fumehood_tools.pods.rentals.booting import Rented
from fumehood_tools.pods.rentals.clock import Clock, MachineClock
from fumehood_tools.pods.rentals.desk import Desk, open_desk
from fumehood_tools.pods.rentals.ending import Ended, end_all, end_rental, reconciled, record_of
from fumehood_tools.pods.rentals.failures import (
    BootFailed,
    CapReached,
    InDoubt,
    NoGpusLeft,
    NothingRented,
    PriceDiffers,
    RentalBusy,
    RentalEnded,
    RentalFailed,
    StillBilling,
)
from fumehood_tools.pods.rentals.model import Caps, Life, Proof, Rental, RentalRecord, Step, Wish
from fumehood_tools.pods.rentals.quotes import Quotation, Quote, quote
from fumehood_tools.pods.rentals.reaping import Reaped, reap
from fumehood_tools.pods.rentals.renting import adopt_orphan, rent
from fumehood_tools.pods.rentals.reviving import revive
from fumehood_tools.pods.rentals.starting import start_reaper
from fumehood_tools.pods.rentals.watching import Look, look_at
from fumehood_tools.pods.rentals.workspace import caps_of, open_rentals

__all__ = [
    "BootFailed",
    "CapReached",
    "Caps",
    "Clock",
    "Desk",
    "Ended",
    "InDoubt",
    "Life",
    "Look",
    "MachineClock",
    "NoGpusLeft",
    "NothingRented",
    "PriceDiffers",
    "Proof",
    "Quotation",
    "Quote",
    "Reaped",
    "Rental",
    "RentalBusy",
    "RentalEnded",
    "RentalFailed",
    "RentalRecord",
    "Rented",
    "Step",
    "StillBilling",
    "Wish",
    "adopt_orphan",
    "caps_of",
    "end_all",
    "end_rental",
    "look_at",
    "open_desk",
    "open_rentals",
    "quote",
    "reap",
    "reconciled",
    "record_of",
    "rent",
    "revive",
    "start_reaper",
]
