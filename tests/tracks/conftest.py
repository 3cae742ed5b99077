import numpy as np
import pytest

from snakemake_storage_plugin_seqstore.tracks.bbi.bigwig_writer import bigwig_writer
from snakemake_storage_plugin_seqstore.tracks.signal import Runs

CHROMS = {"chr1": 500_000, "chr2": 300_000, "chrM": 16_571, "chrUn": 1000}


def random_runs(length, seed, gaps=True):
    """Runs that fill a chromosome; some touch each other."""
    rng = np.random.default_rng(seed)
    size = length // 25
    span = rng.integers(1, 40, size)
    gap = rng.integers(0, 3, size) * rng.integers(0, 9, size) if gaps else np.zeros(size, int)
    end = np.cumsum(span + gap)
    kept = end <= length
    value = np.round(rng.gamma(2, 5, size), 2).astype(np.float32).astype(np.float64)
    return Runs((end - span)[kept], end[kept], value[kept])


@pytest.fixture(scope="session")
def values():
    """Runs by chromosome; the last one has none."""
    return {name: random_runs(CHROMS[name], seed) for seed, name in enumerate(CHROMS) if seed < 3}


@pytest.fixture(scope="session")
def bigwig(values, tmp_path_factory):
    path = tmp_path_factory.mktemp("bigwig") / "x.bw"
    with bigwig_writer(path, CHROMS) as out:
        for chrom, runs in values.items():
            out.add(chrom, runs)
    return path
