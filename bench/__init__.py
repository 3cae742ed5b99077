"""Benchmarks: seqstore's sequence databases, and its reuse of results, beside their peers."""
