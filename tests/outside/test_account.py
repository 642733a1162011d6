"""The settings of an account itself, and what a store lacks of S3 Control and of ABAC."""

import re

from agent import push
from specs import bucket, document

BLOCK = """<PublicAccessBlockConfiguration xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/">
<BlockPublicAcls>{0}</BlockPublicAcls><IgnorePublicAcls>{1}</IgnorePublicAcls>
<BlockPublicPolicy>{2}</BlockPublicPolicy><RestrictPublicBuckets>{3}</RestrictPublicBuckets>
</PublicAccessBlockConfiguration>"""


def switches(store) -> list[str]:
    status, body = store.account_block()
    assert status == 200, body
    found = dict(re.findall(r"<(\w+)>(true|false)</", body, re.IGNORECASE))
    names = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
    return [found[name].lower() for name in names]


def own(store, recorder, **changes: object) -> list[dict]:
    """The account with its number and its S3 Control, which is where its S3 is."""
    account = {"endpoint": recorder.url, "pathStyle": True, "region": "us-east-1", "id": store.account}
    return [{**account, "s3ControlEndpoint": recorder.url, **changes}]


def block_rows(it) -> dict[str, str]:
    report = it.json("/api/v1/buckets/default/%40account")
    assert "outputs" not in report
    return {row["setting"]: row["verdict"] for row in report["settings"]}


def test_the_block_of_an_account_is_closed_switch_by_switch_and_kept_so(agent, repository, recorder, store):
    store.account_block("DELETE")
    spec = {"publicAccessBlock": {"blockPublicAcls": True, "ignorePublicAcls": True, "blockPublicPolicy": True}}
    repository.commit("The account", {"account.yaml": document("Account", "default", spec)})
    it = agent(accounts=own(store, recorder))
    sweep = it.first_sweep()
    assert (sweep["repaired"], sweep["failed"], sweep["unknown"], sweep["inSync"]) == (1, 0, 0, 1), it.said()
    assert switches(store) == ["true", "true", "true", "false"]
    assert block_rows(it) == {"publicAccessBlock": "compliant"}

    # Somebody opens one switch, and closes another that nobody named.
    store.account_block("PUT", BLOCK.format("false", "true", "true", "true"))
    assert it.sweep()["repaired"] == 1
    assert switches(store) == ["true", "true", "true", "true"]
    recorder.take()
    assert it.sweep()["repaired"] == 0
    assert [asked.method for asked in recorder.take() if asked.bucket == "v20180820"] == ["GET"]

    # Opening waits.
    spec = {"publicAccessBlock": {"blockPublicPolicy": False}}
    sweep = push(it, repository, "Open", {"account.yaml": document("Account", "default", spec)})
    assert (sweep["held"], sweep["repaired"]) == (1, 0)
    assert switches(store) == ["true", "true", "true", "true"]
    status, page = it.ask("/buckets/default/%40account")
    assert status == 200 and "Account default" in page and "needs-approval" in page
    assert 'bucket="@account"' in it.ask("/metrics")[1]


def test_a_store_whose_s3_control_nobody_names_is_never_asked(agent, repository, recorder, store):
    spec = {"publicAccessBlock": "all"}
    repository.commit("The account", {"account.yaml": document("Account", "default", spec)})
    it = agent()
    it.first_sweep()
    assert [asked for asked in recorder.every() if asked.bucket == "v20180820"] == []
    assert block_rows(it) == {"publicAccessBlock": "unsupported"}


def test_abac_is_unsupported_where_the_store_lists_objects_instead(agent, repository, recorder, s3, name):
    here = name("abac")
    s3.create_bucket(Bucket=here)
    repository.commit("A bucket", {"a.yaml": bucket(here, abac={"status": "Enabled"}, tags={"Team": "ml"})})
    it = agent()
    it.first_sweep()
    rows = {row["setting"]: row["verdict"] for row in it.bucket(here)["settings"]}
    assert (rows["abac"], rows["tags"]) == ("unsupported", "compliant"), rows
    assert [asked.method for asked in recorder.every() if asked.part == "abac"] == ["GET"]
