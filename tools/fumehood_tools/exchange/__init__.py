"""Weights of transcoders in the files of other libraries: sparsify and circuit-tracer."""

from fumehood_tools.exchange.circuit_tracer import read_circuit_tracer, write_circuit_tracer
from fumehood_tools.exchange.own_files import read_own, write_own
from fumehood_tools.exchange.sparsify import read_sparsify, write_sparsify
from fumehood_tools.exchange.weights import TranscoderWeights

__all__ = [
    "TranscoderWeights",
    "read_circuit_tracer",
    "read_own",
    "read_sparsify",
    "write_circuit_tracer",
    "write_own",
    "write_sparsify",
]
