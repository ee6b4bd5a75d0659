"""Peers: what else makes vectors small, in the libraries that people use for it, and measured as a stress is."""

from stresslib.codec.peers.baselines import Binary, Int8, KMeansBins, Projection, Truncation, Zstd
from stresslib.codec.peers.choice import peers
from stresslib.codec.peers.lloyd import LloydBins
from stresslib.codec.peers.lvq import LVQ
from stresslib.codec.peers.measuring import BYTES, INTERVAL, RECALL, RETRIEVAL, VOTES, measure, search
from stresslib.codec.peers.peer import Peer
from stresslib.codec.peers.rotated import Eden, RaBitQ, TurboQuant
from stresslib.codec.peers.with_faiss import Faiss

__all__ = [
    "BYTES",
    "INTERVAL",
    "LVQ",
    "RECALL",
    "RETRIEVAL",
    "VOTES",
    "Binary",
    "Eden",
    "Faiss",
    "Int8",
    "KMeansBins",
    "LloydBins",
    "Peer",
    "Projection",
    "RaBitQ",
    "Truncation",
    "TurboQuant",
    "Zstd",
    "measure",
    "peers",
    "search",
]
