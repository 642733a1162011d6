"""Documents, as people write them."""

import yaml

TAGS = {"Name": "AI Model Data Storage", "Purpose": "Distributed AI Model Training"}


def document(kind: str, name: str, spec: dict) -> str:
    return yaml.safe_dump(
        {"apiVersion": "driftless/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}, sort_keys=False
    )


def bucket(name: str, **settings: object) -> str:
    return document("Bucket", name, settings)


def plain(name: str, **settings: object) -> str:
    """A bucket as most are: private, versioned, encrypted, tagged."""
    usual = {
        "versioning": {"status": "Enabled"},
        "encryption": {"algorithm": "AES256"},
        "publicAccessBlock": "all",
        "tags": TAGS,
    }
    return bucket(name, **{**usual, **settings})


def only_https(name: str) -> dict:
    """A bucket policy that lets nobody in, and denies plain HTTP."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyHttps",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def public(name: str) -> dict:
    """A bucket policy that lets everybody read."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Everybody",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{name}/*",
            }
        ],
    }


def log_delivery(name: str) -> dict:
    """A bucket policy that lets S3 deliver its logs."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "LogDelivery",
                "Effect": "Allow",
                "Principal": {"Service": "logging.s3.amazonaws.com"},
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{name}/*",
            }
        ],
    }
