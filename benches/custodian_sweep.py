"""Cloud Custodian with four policies that check what the built-in policies check, in its own
process, as `custodian run` does it.

usage: custodian_sweep.py ENDPOINT BUCKETS THREADS; prints what it cost as JSON. It has ten threads
of its own, whatever THREADS says.
"""

import contextlib
import io
import json
import os
import resource
import sys
import tempfile
import time

POLICIES = """
policies:
  - name: private
    resource: aws.s3
    filters: [{type: check-public-block}]
  - name: versioned
    resource: aws.s3
    filters: [{type: value, key: Versioning.Status, op: ne, value: Enabled}]
  - name: encrypted
    resource: aws.s3
    filters: [{type: bucket-encryption, state: false}]
  - name: tagged
    resource: aws.s3
    filters: [{or: [{"tag:Name": absent}, {"tag:Purpose": absent}]}]
"""

endpoint = sys.argv[1]
os.environ["AWS_ENDPOINT_URL"] = endpoint

from c7n.cli import main  # noqa: E402  It reads the environment as it starts.


def memory(field):
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field + ":"))


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "policies.yml")
    with open(path, "w", encoding="ascii") as file:
        file.write(POLICIES)
    begun, before = time.perf_counter(), cpu()
    sys.argv = ["custodian", "run", "--quiet", "--region", "us-east-1"]
    sys.argv += ["--cache", os.path.join(folder, "cache"), "--output-dir", os.path.join(folder, "out"), path]
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        try:
            main()
        except SystemExit as end:
            assert not end.code, f"custodian ended with {end.code}: {told.getvalue()}"
    usage = {
        "wall": time.perf_counter() - begun,
        "cpu": cpu() - before,
        "peak_kib": memory("VmHWM"),
        "rss_kib": memory("VmRSS"),
    }
    for name in ("private", "versioned", "encrypted", "tagged"):
        with open(os.path.join(folder, "out", name, "resources.json"), encoding="utf-8") as file:
            found = json.load(file)
        assert found == [], f"every bucket complies: {name} found {len(found)}"
print(json.dumps([usage]))
