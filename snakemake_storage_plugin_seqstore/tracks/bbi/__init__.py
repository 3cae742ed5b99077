"""bigWig and bigBed: blocks of compressed records, an index by place, and zoom levels."""
