"""Formats of lines: BED, narrowPeak, GFF3, bedGraph, wig; read and written as numpy arrays."""
