"""Drift made by somebody else is found, said and repaired; the daemon's own life besides."""

import json

import pytest
from agent import push
from specs import TAGS, bucket, only_https, plain, public
from test_specs import EVERY_TRANSPORT, tags_of
from waiting import until

OPEN = dict.fromkeys(["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], False)


def test_drift_is_repaired_and_foreign_tags_stay(agent, repository, recorder, s3, name):
    here = name("drift")
    repository.commit("A bucket", {"buckets/a.yaml": plain(here, policy=only_https(here))})
    it = agent()
    it.first_sweep()
    assert it.bucket(here)["inSync"]
    repairs = lambda: it.metric("driftless_repairs_total", policy="versioned", result="applied")
    found = lambda: it.metric("driftless_drift_detected_total", policy="private")
    counted = (repairs(), found())

    s3.put_bucket_versioning(Bucket=here, VersioningConfiguration={"Status": "Suspended"})
    s3.put_public_access_block(Bucket=here, PublicAccessBlockConfiguration=OPEN)
    s3.put_bucket_policy(Bucket=here, Policy=json.dumps(public(here)))
    foreign = [{"Key": "CostCenter", "Value": "4711"}, {"Key": "Name", "Value": "renamed"}]
    s3.put_bucket_tagging(Bucket=here, Tagging={"TagSet": foreign})
    recorder.take()
    sweep = it.sweep()
    assert (sweep["repaired"], sweep["failed"], sweep["held"]) == (4, 0, 0), it.said()

    assert s3.get_bucket_versioning(Bucket=here)["Status"] == "Enabled"
    assert set(s3.get_public_access_block(Bucket=here)["PublicAccessBlockConfiguration"].values()) == {True}
    assert json.loads(s3.get_bucket_policy(Bucket=here)["Policy"]) == only_https(here)
    assert tags_of(s3, here) == {**TAGS, "CostCenter": "4711"}

    # Each write was made on what a read just before it found, and proved by a read after it.
    asked = [request for request in recorder.take() if request.bucket == here]
    for part in ["versioning", "publicAccessBlock", "policy", "tagging"]:
        methods = [request.method for request in asked if request.part == part]
        assert methods.count("PUT") == 1 and methods[-3:] == ["GET", "PUT", "GET"], part
    # Bucket, setting, from, to, and who asked.
    repaired = it.repaired(here)
    assert repaired["versioning"]["changes"] == [{"path": "status", "from": "Suspended", "to": "Enabled"}]
    origins = json.dumps(repaired["versioning"]["origins"])
    assert "buckets/a.yaml" in origins and '"versioned"' in origins
    changed = {change["path"]: (change.get("from"), change.get("to")) for change in repaired["tags"]["changes"]}
    assert changed == {"Name": ("renamed", TAGS["Name"]), "Purpose": (None, TAGS["Purpose"])}
    assert f"{here}: versioning repaired and read back" in it.said()
    assert (repairs(), found()) == (counted[0] + 1, counted[1] + 1)
    assert it.metric("driftless_bucket_policy_status", bucket=here, policy="private", status="compliant") == 1

    before = it.writes()
    assert it.sweep()["inSync"] == 1
    assert [request for request in recorder.take() if request.writes] == []
    assert it.writes() == before


def test_a_policy_that_no_spec_names_stays_behind_the_block(agent, repository, recorder, s3, name):
    here = name("behind")
    repository.commit("A bucket", {"a.yaml": bucket(here, tags=TAGS)})
    it = agent()
    it.first_sweep()
    s3.put_public_access_block(Bucket=here, PublicAccessBlockConfiguration=OPEN)
    s3.put_bucket_policy(Bucket=here, Policy=json.dumps(public(here)))
    it.sweep()
    assert set(s3.get_public_access_block(Bucket=here)["PublicAccessBlockConfiguration"].values()) == {True}
    assert json.loads(s3.get_bucket_policy(Bucket=here)["Policy"]) == public(here)
    assert it.policy(here, "private")["verdict"] == "compliant"
    assert [(asked.method, asked.part) for asked in recorder.every() if asked.part == "policy" and asked.writes] == []


def test_the_schedule_repairs_without_being_asked(agent, repository, s3, name):
    here = name("schedule")
    repository.commit("A bucket", {"a.yaml": plain(here)})
    it = agent(schedule={"cron": "* * * * * *", "jitter": "0s"})
    it.first_sweep()
    s3.put_bucket_versioning(Bucket=here, VersioningConfiguration={"Status": "Suspended"})
    enabled = lambda: s3.get_bucket_versioning(Bucket=here)["Status"] == "Enabled"
    until("the schedule repaired it", enabled, said=it.said)
    by_schedule = lambda: it.status()["sweep"]["last"]["cause"] == "schedule"
    until("the sweep of the schedule has ended", by_schedule, said=it.said)


@pytest.mark.parametrize("how", ["refused", "ignored"])
def test_a_setting_that_the_store_lacks_is_unsupported_and_no_error(agent, repository, recorder, s3, name, how):
    # Ignored is how moto, Ceph and others treat what they do not know: GET lists the objects, PUT
    # makes a bucket, DELETE deletes it.
    getattr(recorder, how).update({"cors", "publicAccessBlock"})
    here = name("lacks")
    s3.create_bucket(Bucket=here)
    spec = plain(here, cors={"rules": [{"allowedMethods": ["GET"], "allowedOrigins": ["https://example.com"]}]})
    repository.commit("A bucket", {"a.yaml": spec})
    it = agent()
    sweep = it.first_sweep()
    assert (sweep["failed"], sweep["unknown"], sweep["held"]) == (0, 0, 0), it.said()
    assert it.setting(here, "cors")["verdict"] == it.setting(here, "publicAccessBlock")["verdict"] == "unsupported"
    assert it.setting(here, "tags")["verdict"] == "compliant"
    assert tags_of(s3, here) == TAGS
    # Without the block, ACL and bucket policy decide.
    assert it.policy(here, "private")["verdict"] == "compliant"
    s3.put_bucket_policy(Bucket=here, Policy=json.dumps(public(here)))
    it.sweep()
    assert it.policy(here, "private")["verdict"] == "drifted"
    assert [asked for asked in recorder.every() if asked.writes and asked.part in getattr(recorder, how)] == []
    assert it.bucket(here).get("errors", []) == []
    s3.head_bucket(Bucket=here)


@EVERY_TRANSPORT
def test_a_restart_without_the_git_server_watches_on(agent, repository, s3, name):
    here = name("restart")
    revision = repository.commit("A bucket", {"a.yaml": plain(here)})
    it = agent()
    it.first_sweep()
    assert it.stop() == 0
    repository.down()
    s3.put_bucket_versioning(Bucket=here, VersioningConfiguration={"Status": "Suspended"})

    it.start()
    source = it.fails_to_fetch()
    assert source["state"] == "stale" and source["revision"] == revision, source
    it.first_sweep()
    assert s3.get_bucket_versioning(Bucket=here)["Status"] == "Enabled"
    assert it.ask("/readyz")[0] == 200
    assert it.metric("driftless_source_state", state="stale") == 1

    repository.up()
    push(it, repository, "It is back", {"a.yaml": plain(here, tags={**TAGS, "Team": "ml"})})
    assert tags_of(s3, here)["Team"] == "ml"
    assert it.status()["source"]["state"] == "ready"


def test_sigterm_finishes_the_write_under_way(agent, repository, recorder, s3, name):
    here = name("term")
    repository.commit("A bucket", {"a.yaml": plain(here)})
    it = agent()
    it.first_sweep()
    s3.put_bucket_versioning(Bucket=here, VersioningConfiguration={"Status": "Suspended"})
    gate = recorder.gate("PUT", "versioning")
    it.wake()
    assert gate.came.wait(30), it.said()
    it.terminate()
    until("it says that it ends", lambda: "SIGTERM: ending" in it.said(), said=it.said)
    recorder.take()
    gate.opened.set()
    assert it.ended() == 0
    assert s3.get_bucket_versioning(Bucket=here)["Status"] == "Enabled"
    # Proved, too.
    assert [(asked.method, asked.part) for asked in recorder.take()] == [("PUT", "versioning"), ("GET", "versioning")]
    assert f"{here}: versioning repaired and read back" in it.said()
    assert "in good order" in it.said()
    # And written down, in a record that holds.
    code, text = it.history(here)
    assert code == 0 and "versioning.status: Suspended -> Enabled" in text, text
    code, text = it.history("--verify")
    assert code == 0 and text.startswith("verified "), text


def test_health_page_and_metrics_tell_the_truth(agent, repository, recorder, s3, name):
    here = name("truth")
    gate = recorder.gate("PUT", "versioning")
    repository.commit("A bucket", {"a.yaml": plain(here)})
    it = agent()
    assert gate.came.wait(30), it.said()
    # The first sweep is under way, held up by the store.
    assert it.ask("/healthz")[0] == 200
    status, body = it.ask("/readyz")
    assert status == 503 and "the first sweep has not ended" in body
    gate.opened.set()
    it.first_sweep()
    assert it.ask("/readyz")[0] == 200
    status, page = it.ask("/")
    assert status == 200 and here in page
    status, page = it.ask(f"/buckets/default/{here}")
    assert status == 200 and "versioning" in page
    status, text = it.ask("/metrics")
    assert status == 200 and "# TYPE driftless_aws_requests_total counter" in text
    # What it counts is what it asked.
    puts = [asked for asked in recorder.every() if asked.part == "tagging" and asked.method == "PUT"]
    assert it.metric("driftless_aws_requests_total", operation="PutBucketTagging") == len(puts) == 1
    assert it.metric("driftless_history_degraded") == 0
    assert it.ask("/api/v1/sync", "POST")[0] == 401
