"""Asks everything that the description says, with what it allows and with what it doesn't (schemathesis).

HUIKUAN_API_SEED repeats a run; HUIKUAN_API_SECONDS is its budget.
"""

import os
import random
import subprocess
import sys

from served import Served

seed = os.environ.get("HUIKUAN_API_SEED") or str(random.randrange(1, 1_000_000))
seconds = os.environ.get("HUIKUAN_API_SECONDS") or "75"


def main():
    print(f"Seed: {seed} (HUIKUAN_API_SEED repeats it)")
    with Served(["--requests-per-second", "0"]) as site:
        result = subprocess.run(
            [
                os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run",
                f"{site.address}/api/v1/openapi.json",
                "-H", f"Authorization: Bearer {site.tokens['office']}",
                "--seed", seed, "--max-time", seconds, "--max-examples", "12", "--continue-on-failure",
                "--no-shrink", "--request-timeout", "20", "--suppress-health-check", "all", "--warnings", "off",
            ],
            check=False,
        ).returncode
        failures = [line for line in site.log if '"failed"' in line]
        for line in failures[:5]:
            print(line, end="")
        fault = site.verify()
    if fault:
        print(f"The store is not sound afterwards: {fault}")
    return 1 if result or failures or fault else 0


if __name__ == "__main__":
    sys.exit(main())
