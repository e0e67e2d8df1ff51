"""Two hundred writers at once, with the same and with different keys, and a server that is killed in between.

Every write that was acknowledged is there once, and what a writer sends again under its key is done once.
"""

import concurrent.futures
import random
import signal
import sys
import threading
import time
import urllib.error

from served import Served

WRITERS = 200
EACH = 6


def check(condition, what):
    if not condition:
        raise SystemExit(f"Writers: {what}")


def main():
    seed = random.randrange(1_000_000)
    print(f"Seed: {seed}")
    chance = random.Random(seed)
    with Served(["--requests-per-second", "0"]) as site:
        acknowledged = {}
        lock = threading.Lock()

        def write(writer):
            """Registers customers; each key is shared by two writers, who send the same."""
            for number in range(EACH):
                pair = writer // 2
                code = f"P{pair:03}-{number}"
                for _ in range(200):
                    try:
                        status, body, _ = site.ask(
                            "POST", "/customers", {"code": code, "name": f"Parallel {code}"}, key=f"key-{code}"
                        )
                    except (urllib.error.URLError, ConnectionError, TimeoutError, OSError):
                        time.sleep(0.05)
                        continue
                    check(status == 201, f"{code}: {status} {body}")
                    with lock:
                        known = acknowledged.setdefault(code, body["act"])
                    check(known == body["act"], f"{code} is act {known} and act {body['act']}")
                    break
                else:
                    check(False, f"{code} was never answered")

        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            futures = [pool.submit(write, writer) for writer in range(WRITERS)]
            for _ in range(3):
                time.sleep(0.2 + chance.random())
                site.stop(signal.SIGKILL)
                site.start(site.port)
            for future in futures:
                future.result()
        acts, after = {}, 0
        while True:
            _, page, _ = site.ask("GET", f"/acts?after={after}&limit=1000")
            if not page["items"]:
                break
            for act in page["items"]:
                check(int(act["act"]) == after + 1, f"a gap after act {after}")
                after += 1
                acts[act["act"]] = act["command"]
        check(len(acknowledged) == WRITERS // 2 * EACH, f"{len(acknowledged)} customers were acknowledged")
        check(
            all(acts.get(act) == "register-customer" for act in acknowledged.values()),
            "what was acknowledged isn't in the journal",
        )
        done = sum(command == "register-customer" for command in list(acts.values())[-len(acknowledged) * 2 :])
        check(len(set(acknowledged.values())) == len(acknowledged), "two customers share an act")
        check(done >= len(acknowledged), f"{done} acts")
        status, body, _ = site.ask("POST", "/customers", {"code": "other", "name": "Other"}, key="key-P000-0")
        check(status == 409 and body["code"] == "key.reused", f"a key was used twice: {status}")
        for code in list(acknowledged)[::50]:
            check(site.ask("GET", f"/customers/{code}")[0] == 200, f"{code} isn't there")
        fault = site.verify()
        check(not fault, f"the store isn't sound: {fault}")
    print(f"Writers: {WRITERS} at once, {len(acknowledged)} acts, each once, through three kills.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
