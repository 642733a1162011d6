"""Buckets become as their specs say, whatever carries the specs; then nothing more is written."""

import json

import pytest
from agent import push
from specs import TAGS, bucket, document, log_delivery, only_https, plain, public

EVERY_TRANSPORT = pytest.mark.parametrize("repository", ["http", "ssh"], indirect=True)


def tags_of(s3, name: str) -> dict[str, str]:
    return {it["Key"]: it["Value"] for it in s3.get_bucket_tagging(Bucket=name)["TagSet"]}


@EVERY_TRANSPORT
def test_a_bucket_is_made_with_every_setting_of_its_spec(agent, repository, recorder, s3, name):
    logs, data = name("logs"), name("data")
    repository.commit("A place for logs", {"logs.yaml": plain(logs, policy=log_delivery(logs))})
    it = agent()
    it.first_sweep()
    settings = {
        "objectOwnership": "BucketOwnerEnforced",
        "policy": only_https(data),
        "lifecycle": {
            "rules": [
                {
                    "id": "tidy",
                    "status": "Enabled",
                    "filter": {"prefix": "tmp/"},
                    "expiration": {"days": 7},
                    "noncurrentVersionExpiration": {"noncurrentDays": 30},
                    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 3},
                }
            ]
        },
        "logging": {"targetBucket": logs, "targetPrefix": f"{data}/"},
        "website": {"indexDocument": "index.html", "errorDocument": "error.html"},
        "cors": {
            "rules": [
                {
                    "id": "page",
                    "allowedMethods": ["GET"],
                    "allowedOrigins": ["https://example.com"],
                    "maxAgeSeconds": 60,
                }
            ]
        },
    }
    sweep = push(it, repository, "The training data", {"buckets/data.yaml": plain(data, **settings)})
    assert (sweep["failed"], sweep["unknown"], sweep["held"]) == (0, 0, 0), it.said()

    assert s3.get_bucket_versioning(Bucket=data)["Status"] == "Enabled"
    rule = s3.get_bucket_encryption(Bucket=data)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    block = s3.get_public_access_block(Bucket=data)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True} and len(block) == 4
    assert tags_of(s3, data) == TAGS
    controls = s3.get_bucket_ownership_controls(Bucket=data)["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert json.loads(s3.get_bucket_policy(Bucket=data)["Policy"]) == only_https(data)
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=data)["Rules"]
    assert (rule["ID"], rule["Status"], rule["Filter"]) == ("tidy", "Enabled", {"Prefix": "tmp/"})
    assert rule["Expiration"]["Days"] == 7
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 3}
    logging = s3.get_bucket_logging(Bucket=data)["LoggingEnabled"]
    assert (logging["TargetBucket"], logging["TargetPrefix"]) == (logs, f"{data}/")
    website = s3.get_bucket_website(Bucket=data)
    assert website["IndexDocument"] == {"Suffix": "index.html"} and website["ErrorDocument"] == {"Key": "error.html"}
    (rule,) = s3.get_bucket_cors(Bucket=data)["CORSRules"]
    assert (rule["ID"], rule["AllowedMethods"], rule["AllowedOrigins"]) == ("page", ["GET"], ["https://example.com"])
    assert rule["MaxAgeSeconds"] == 60

    report = it.bucket(data)
    assert report["inSync"] and report["state"] == "managed", report
    assert report["outputs"]["arn"] == f"arn:aws:s3:::{data}"
    assert {it["policy"]: it["verdict"] for it in report["policies"]} == dict.fromkeys(
        ["encrypted", "private", "tagged", "versioned"], "compliant"
    )

    # The second sweep reads, and writes nothing.
    recorder.take()
    before = it.writes()
    assert it.sweep()["inSync"] == 2
    again = recorder.take()
    assert again and [asked for asked in again if asked.writes] == []
    assert it.writes() == before > 0
    assert it.ask("/readyz")[0] == 200


@EVERY_TRANSPORT
def test_a_wrong_secret_of_the_source_is_said_and_nothing_is_touched(agent, repository, recorder, name):
    repository.commit("A bucket", {"a.yaml": plain(name("secret"))})
    detail = repository.spoil()
    it = agent()
    source = it.fails_to_fetch()
    assert detail in source["detail"], source
    assert source["state"] == "failed" and source["hint"], source
    status, body = it.ask("/readyz")
    assert status == 503 and "no revision is in force" in body
    assert it.ask("/healthz")[0] == 200
    assert recorder.every() == []


def test_a_compliant_bucket_under_the_four_policies_costs_four_requests(agent, repository, recorder, s3, name):
    here = name("four")
    s3.create_bucket(Bucket=here)
    repository.commit("A bucket", {"a.yaml": plain(here)})
    it = agent()
    it.first_sweep()
    recorder.take()
    assert it.sweep()["inSync"] == 1
    asked = [(request.method, request.part) for request in recorder.take() if request.bucket == here]
    assert sorted(asked) == [("GET", part) for part in ["encryption", "publicAccessBlock", "tagging", "versioning"]]


def test_what_a_spec_does_not_name_is_neither_read_nor_written(agent, repository, recorder, s3, name):
    here = name("unnamed")
    s3.create_bucket(Bucket=here)
    s3.put_bucket_policy(Bucket=here, Policy=json.dumps(only_https(here)))
    s3.put_bucket_cors(
        Bucket=here, CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    )
    repository.commit("Only tags", {"a.yaml": bucket(here, tags=TAGS)})
    it = agent(policies={"builtin": []})
    it.first_sweep()
    assert tags_of(s3, here) == TAGS
    touched = {request.part for request in recorder.every() if request.bucket == here}
    assert touched == {"tagging"}
    assert json.loads(s3.get_bucket_policy(Bucket=here)["Policy"]) == only_https(here)
    assert s3.get_bucket_cors(Bucket=here)["CORSRules"][0]["AllowedOrigins"] == ["*"]


def inventory(identity: str) -> dict:
    """An inventory that nobody reads: it is not written."""
    return {
        "Id": identity,
        "IsEnabled": False,
        "Schedule": {"Frequency": "Weekly"},
        "IncludedObjectVersions": "Current",
        "Filter": {"Prefix": "raw/"},
        "OptionalFields": ["ETag", "Size"],
        "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::lists", "Format": "CSV"}},
    }


def test_configurations_of_others_stay_and_one_is_taken_away(agent, repository, recorder, store, s3, name):
    here = name("sets")
    s3.create_bucket(Bucket=here)
    for identity in ["theirs", "old"]:
        s3.put_bucket_inventory_configuration(
            Bucket=here, Id=identity, InventoryConfiguration=inventory(identity)
        )
    ours = {
        "id": "ours",
        "isEnabled": False,
        "schedule": "Daily",
        "includedObjectVersions": "All",
        "filter": {"prefix": "a/"},
        "optionalFields": ["Size", "StorageClass"],
        "destination": {"bucket": "arn:aws:s3:::lists", "format": "CSV"},
    }
    sets = {
        "inventory": {"configurations": [ours]},
        "analytics": {"configurations": [{"id": "all"}, {"id": "raw", "filter": {"prefix": "raw/"}}]},
        "metrics": {"configurations": [{"id": "EntireBucket"}]},
        "intelligentTiering": {
            "configurations": [
                {"id": "a", "status": "Disabled", "tierings": [{"accessTier": "ARCHIVE_ACCESS", "days": 90}]}
            ]
        },
    }
    repository.commit("Sets", {"a.yaml": bucket(here, **sets)})
    it = agent(policies={"builtin": []})
    sweep = it.first_sweep()
    assert (sweep["failed"], sweep["unknown"], sweep["held"]) == (0, 0, 0), it.said()
    listed = lambda: {
        it["Id"] for it in s3.list_bucket_inventory_configurations(Bucket=here)["InventoryConfigurationList"]
    }
    assert listed() == {"theirs", "old", "ours"}
    # moto has none of the others, and is asked for them only.
    lacks = ["analytics", "metrics", "intelligentTiering"] if store.name == "moto" else []
    for setting in sets:
        wanted = "unsupported" if setting in lacks else "compliant"
        assert it.setting(here, setting)["verdict"] == wanted, it.said()
    if not lacks:
        found = s3.list_bucket_analytics_configurations(Bucket=here)["AnalyticsConfigurationList"]
        assert {it["Id"] for it in found} == {"all", "raw"}

    recorder.take()
    assert it.sweep()["inSync"] == 1
    assert [asked for asked in recorder.take() if asked.writes] == []

    sets["inventory"]["configurations"].append({"id": "old", "absent": True})
    sweep = push(it, repository, "Without the old one", {"a.yaml": bucket(here, **sets)})
    if store.name == "moto":
        # It would take the DELETE of an inventory for that of the bucket, so none is sent.
        assert sweep["failed"] == 1, it.said()
        assert listed() == {"theirs", "old", "ours"}
    else:
        assert sweep["failed"] == 0, it.said()
        assert listed() == {"theirs", "ours"}
    deleted = [(asked.part, asked.status) for asked in recorder.every() if asked.method == "DELETE"]
    assert deleted == ([] if store.name == "moto" else [("inventory", 204)])
    s3.head_bucket(Bucket=here)


def test_absent_takes_a_setting_away_and_leaves_the_bucket(agent, repository, recorder, s3, name):
    here = name("absent")
    s3.create_bucket(Bucket=here)
    s3.put_bucket_website(Bucket=here, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_bucket_policy(Bucket=here, Policy=json.dumps(public(here)))
    spec = plain(here, website="absent", policy="absent", cors="absent")
    repository.commit("Neither website nor policy", {"a.yaml": spec})
    it = agent()
    it.first_sweep()
    # Readers of the website would be locked out: that is for people to decide.
    approvals = {f"{held['setting']}.yaml": held["approval"] for held in it.held(here)}
    assert "website.yaml" in approvals, it.held(here)
    assert s3.get_bucket_website(Bucket=here)["IndexDocument"]["Suffix"] == "index.html"
    push(it, repository, "Approved", approvals)
    assert it.bucket(here)["inSync"], it.said()
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchWebsiteConfiguration"):
        s3.get_bucket_website(Bucket=here)
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=here)
    s3.head_bucket(Bucket=here)
    # What was not there is not deleted: on some stores that would delete the bucket.
    deletes = [request.part for request in recorder.every() if request.method == "DELETE"]
    assert sorted(deletes) == ["policy", "website"]


def test_a_file_with_a_fault_leaves_the_others_in_force(agent, repository, s3, name):
    good, bad = name("good"), name("bad")
    repository.commit("Two buckets", {"good.yaml": plain(good), "bad.yaml": plain(bad)})
    it = agent()
    it.first_sweep()
    files = {
        "good.yaml": plain(good, tags={**TAGS, "Team": "ml"}),
        "bad.yaml": plain(bad, tags={**TAGS, "Team": "ml"}).replace("versioning:", "versionning:"),
    }
    push(it, repository, "One mistake", files)
    assert tags_of(s3, good) == {**TAGS, "Team": "ml"}
    assert tags_of(s3, bad) == TAGS
    assert it.bucket(bad)["state"] == "invalid"
    (finding,) = it.json("/api/v1/findings")["findings"]
    assert finding["message"] == "unknown field `versionning`" and finding["hint"] == "did you mean `versioning`?"
    assert it.metric("driftless_spec_errors") == 1


def test_removing_a_spec_leaves_the_bucket_as_it_is(agent, repository, recorder, s3, name):
    stays, goes = name("stays"), name("goes")
    files = {f"{word}.yaml": plain(it) for word, it in [("stays", stays), ("goes", goes)]}
    repository.commit("Two buckets", files)
    it = agent()
    it.first_sweep()
    recorder.take()
    push(it, repository, "Only one", {"goes.yaml": None})
    assert f"{goes}: no spec declares it any more; it stays as it is" in it.said()
    assert it.ask(f"/api/v1/buckets/default/{goes}")[0] == 404
    s3.put_bucket_versioning(Bucket=goes, VersioningConfiguration={"Status": "Suspended"})
    it.sweep()
    assert s3.get_bucket_versioning(Bucket=goes)["Status"] == "Suspended"
    assert tags_of(s3, goes) == TAGS
    assert [request for request in recorder.take() if request.bucket == goes] == []


def test_a_guarded_change_waits_for_its_approval_in_git(agent, repository, s3, name):
    here = name("guarded")
    exemption = document(
        "Exemption",
        "scratch",
        {
            "policy": "versioned",
            "buckets": [here],
            "reason": "scratch space",
            "owner": "ml@example.com",
            "expires": "2099-01-01",
        },
    )
    repository.commit("A bucket", {"a.yaml": plain(here), "exemption.yaml": exemption})
    it = agent()
    it.first_sweep()
    assert it.policy(here, "versioned")["verdict"] == "exempt"

    suspended = plain(here, versioning={"status": "Suspended"}, tags={**TAGS, "Team": "ml"})
    push(it, repository, "No versions any more", {"a.yaml": suspended})
    (held,) = it.held(here)
    assert (held["setting"], held["reason"]) == ("versioning", "needs-approval")
    assert held["changes"] == [{"path": "status", "from": "Enabled", "to": "Suspended"}]
    assert s3.get_bucket_versioning(Bucket=here)["Status"] == "Enabled"
    assert tags_of(s3, here)["Team"] == "ml", "what is safe does not wait"
    assert it.metric("driftless_held", reason="needs-approval") == 1
    it.sweep()
    assert s3.get_bucket_versioning(Bucket=here)["Status"] == "Enabled"

    # The very text that it says to commit.
    approval = held["approval"].replace("TELL WHY", "agreed with Ada")
    assert held["digest"] in approval
    push(it, repository, "Approved", {"approvals/versions.yaml": approval})
    assert s3.get_bucket_versioning(Bucket=here)["Status"] == "Suspended"
    assert it.held(here) == [] and it.bucket(here)["inSync"]
    assert it.repaired(here)["versioning"]["origins"], it.bucket(here)
    assert it.metric("driftless_held", reason="needs-approval") == 0


def test_observe_says_everything_and_writes_nothing(agent, repository, recorder, s3, name):
    here, missing = name("observed"), name("missing")
    s3.create_bucket(Bucket=here)
    s3.put_bucket_policy(Bucket=here, Policy=json.dumps(public(here)))
    repository.commit("Two buckets", {"a.yaml": plain(here, policy="absent"), "b.yaml": plain(missing)})
    it = agent(mode="observe")
    it.first_sweep()
    it.sweep()
    assert [request for request in recorder.every() if request.writes] == []
    assert it.writes() == 0
    assert it.setting(here, "policy")["verdict"] == it.setting(here, "tags")["verdict"] == "drifted"
    assert {held["reason"] for held in it.held(here)} == {"observe-only"}
    assert it.setting(missing, "existence")["verdict"] == "drifted"
    assert json.loads(s3.get_bucket_policy(Bucket=here)["Policy"]) == public(here)
    assert missing not in [it["Name"] for it in s3.list_buckets()["Buckets"]]
