import os
import subprocess

here = os.path.dirname(os.path.abspath(__file__))
subprocess.run(["sh", os.path.join(here, "inner" + ".sh")], check=True)
