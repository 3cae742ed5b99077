"""Benchmarks: seqstore's sequence databases beside their peers."""
