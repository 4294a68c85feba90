"""Has every job that this one needs run, and succeeded? Skipped or cancelled is a no.

A skipped job that a branch requires counts as passed on GitHub; so main requires this one
job alone. Needs nothing but Python.
"""

import json
import os
import sys

needs = json.loads(os.environ["NEEDS"])
for name, job in needs.items():
    print(f"{job['result']:<10} {name}")
sys.exit(not needs or any(job["result"] != "success" for job in needs.values()))
