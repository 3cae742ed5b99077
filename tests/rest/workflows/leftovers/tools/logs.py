"""Append to a log, as `logging` does."""

import logging
import sys
import time

logging.basicConfig(filename=sys.argv[1], level=logging.INFO)
logging.info("%s", time.time())
