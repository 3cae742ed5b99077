"""The law of rest, and its other side: what users' workflows run again, and what they must not."""
