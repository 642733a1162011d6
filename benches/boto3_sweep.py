"""What a user would write with boto3: a client, a pool of threads, four reads a bucket.

usage: boto3_sweep.py ENDPOINT BUCKETS THREADS; prints what it cost as JSON.
"""

import json
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

endpoint, buckets, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
s3 = boto3.client(
    "s3",
    endpoint_url=endpoint,
    config=Config(max_pool_connections=threads, s3={"addressing_style": "path"}),
)


def check(name):
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    versioning = s3.get_bucket_versioning(Bucket=name).get("Status")
    encryption = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    return all(block.values()) and versioning == "Enabled" and encryption["Rules"] and {"Name", "Purpose"} <= tags.keys()


def memory(field):
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field + ":"))


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


begun, before = time.perf_counter(), cpu()
with ThreadPoolExecutor(max_workers=threads) as pool:
    names = [f"bucket-{n:06}" for n in range(buckets)]
    assert all(pool.map(check, names)), "every bucket complies"
usage = {
    "wall": time.perf_counter() - begun,
    "cpu": cpu() - before,
    "peak_kib": memory("VmHWM"),
    "rss_kib": memory("VmRSS"),
}
print(json.dumps([usage]))
