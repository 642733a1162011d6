"""The main job against Ceph's gateway: a real S3 store with real signatures, real denials, and its
own ways. Tests named `point_…` hold a point of `docs/s3-compatible.md`."""

import json

import pytest
from botocore.exceptions import ClientError

from agent import push
from specs import TAGS, bucket, only_https
from test_specs import tags_of


@pytest.fixture
def store(rgw):
    return rgw


# What it has of what most buckets have; `publicAccessBlock` and `encryption` it lacks.
def usual(name: str, **settings: object) -> str:
    return bucket(name, **{"versioning": {"status": "Enabled"}, "tags": TAGS, **settings})


def denies(name: str, *actions: str) -> str:
    """A bucket policy that denies the owner himself."""
    resources = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    statement = {"Sid": "Out", "Effect": "Deny", "Principal": "*", "Action": list(actions), "Resource": resources}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def writes(recorder, part: str) -> int:
    return len([it for it in recorder.every() if it.writes and it.part == part])


def test_a_bucket_is_made_drift_is_repaired_and_a_commit_is_applied(agent, repository, recorder, s3, name):
    here = name("data")
    rules = [{"id": "tidy", "status": "Enabled", "filter": {"prefix": "tmp/"}, "expiration": {"days": 7}}]
    cors = {"rules": [{"allowedMethods": ["GET"], "allowedOrigins": ["https://example.com"]}]}
    settings = {
        "policy": only_https(here),
        "lifecycle": {"rules": rules},
        "cors": cors,
        "website": {"indexDocument": "index.html"},
        "acl": "private",
    }
    repository.commit("A bucket", {"a.yaml": usual(here, **settings)})
    it = agent()
    sweep = it.first_sweep()
    assert (sweep["failed"], sweep["unknown"], sweep["held"], sweep["inSync"]) == (0, 0, 0, 1), it.said()
    assert s3.get_bucket_versioning(Bucket=here)["Status"] == "Enabled"
    assert tags_of(s3, here) == TAGS
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=here)["Rules"]
    assert (rule["ID"], rule["Expiration"]["Days"]) == ("tidy", 7)
    # The policies judge what the store can tell; the rest is said to be lacking.
    verdicts = {policy["policy"]: policy["verdict"] for policy in it.bucket(here)["policies"]}
    assert verdicts == {
        "encrypted": "unsupported", "private": "compliant", "tagged": "compliant", "versioned": "compliant",
    }

    s3.put_bucket_versioning(Bucket=here, VersioningConfiguration={"Status": "Suspended"})
    s3.put_bucket_tagging(Bucket=here, Tagging={"TagSet": [{"Key": "CostCenter", "Value": "4711"}]})
    s3.delete_bucket_cors(Bucket=here)
    sweep = it.sweep()
    assert (sweep["repaired"], sweep["failed"], sweep["inSync"]) == (3, 0, 1), it.said()
    assert s3.get_bucket_versioning(Bucket=here)["Status"] == "Enabled"
    assert tags_of(s3, here) == {**TAGS, "CostCenter": "4711"}
    assert f"{here}: versioning repaired and read back" in it.said()

    gone = {word: "absent" for word in ("website", "cors")}
    files = {"a.yaml": usual(here, **{**settings, **gone, "tags": {**TAGS, "Team": "ml"}})}
    push(it, repository, "No website any more", files)
    approvals = {f"{held['setting']}.yaml": held["approval"] for held in it.held(here)}
    push(it, repository, "Approved", {"note.yaml": "", **approvals})
    assert it.bucket(here)["inSync"], it.said()
    assert tags_of(s3, here)["Team"] == "ml"
    for read in (s3.get_bucket_website, s3.get_bucket_cors):
        with pytest.raises(ClientError, match="NoSuch"):
            read(Bucket=here)
    s3.head_bucket(Bucket=here)
    assert sorted(it.part for it in recorder.every() if it.method == "DELETE") == ["cors", "website"]

    recorder.take()
    assert it.sweep()["inSync"] == 1
    assert [request for request in recorder.take() if request.writes] == []


def test_what_the_store_lacks_is_learned_once_remembered_and_shown(agent, repository, recorder, s3, name):
    names = [name(word) for word in ("one", "two", "three")]
    spec = {"publicAccessBlock": "all", "encryption": {"algorithm": "AES256"}}
    repository.commit("Three", {f"{it}.yaml": usual(it, **spec) for it in names})
    it = agent()
    it.first_sweep()
    lacking = ("publicAccessBlock", "encryption")
    asked = lambda: [request for request in recorder.take() if request.part in lacking]
    assert {request.method for request in asked()} == {"GET"}
    assert it.sweep()["inSync"] == 3
    assert asked() == [], "it is known"
    (endpoint,) = it.json("/api/v1/endpoints")["endpoints"]
    ability = {card["setting"]: card["ability"] for card in endpoint["settings"]}
    assert {ability[setting] for setting in lacking} == {"unsupported"}
    assert ability["versioning"] == ability["tags"] == "supported"
    assert it.metric("driftless_endpoint_setting_supported", setting="encryption") == 0
    assert it.metric("driftless_endpoint_setting_supported", setting="tags") == 1
    assert "encryption" in it.ask("/endpoints")[1]

    address = it.address.removeprefix("http://")
    code, text = it.endpoints("--address", address)
    assert code == 0 and "encryption: `" in text and "another document in place of the setting" in text, text
    code, text = it.endpoints("--address", address, "--output", "markdown")
    assert code == 0 and "| `encryption` | unsupported |" in text, text

    # A restart of the same version remembers it.
    assert it.stop() == 0
    it.start()
    it.first_sweep()
    assert asked() == []
    # Whoever upgraded the store has it asked again.
    status, _ = it.ask("/api/v1/endpoints", "POST")
    assert status == 401
    it.ask_endpoints()
    assert asked() != []


def test_a_bucket_can_be_asked_what_it_can_do_by_reading_alone(agent, repository, recorder, s3, name):
    here = name("probe")
    s3.create_bucket(Bucket=here)
    repository.commit("Nothing", {"a.yaml": usual(name("other"))})
    it = agent()
    it.first_sweep()
    recorder.take()
    code, text = it.endpoints("--probe", here, "--endpoint", recorder.url, "--output", "json")
    assert code == 0, text
    (endpoint,) = json.loads(text)["endpoints"]
    ability = {card["setting"]: card["ability"] for card in endpoint["settings"]}
    assert ability["publicAccessBlock"] == ability["objectOwnership"] == "unsupported"
    assert ability["policy"] == ability["lifecycle"] == "supported"
    asked = [request for request in recorder.take() if request.bucket == here]
    assert {request.method for request in asked} == {"GET", "HEAD"}


def test_point_12_a_denied_read_is_unknown_with_its_action_and_hides_nothing(agent, repository, recorder, s3, name):
    here = name("denied")
    s3.create_bucket(Bucket=here)
    s3.put_bucket_policy(Bucket=here, Policy=denies(here, "s3:GetBucketTagging"))
    repository.commit("A bucket", {"a.yaml": usual(here)})
    it = agent()
    sweep = it.first_sweep()
    assert (sweep["unknown"], sweep["failed"]) == (1, 0), it.said()
    assert it.setting(here, "tags")["verdict"] == it.policy(here, "tagged")["verdict"] == "unknown"
    assert "s3:GetBucketTagging" in json.dumps(it.bucket(here)["errors"])
    assert s3.get_bucket_versioning(Bucket=here)["Status"] == "Enabled", "the rest is repaired"
    assert it.policy(here, "versioned")["verdict"] == "compliant"
    assert writes(recorder, "tagging") == 0


def test_point_12_a_policy_that_locks_us_out_is_unknown_and_stops_nothing_else(agent, repository, recorder, s3, name):
    locked, free = name("locked"), name("free")
    files = {f"{it}.yaml": usual(it, policy=only_https(it)) for it in (locked, free)}
    repository.commit("Two buckets", files)
    it = agent()
    it.first_sweep()
    assert it.bucket(locked)["inSync"], it.said()
    s3.put_bucket_versioning(Bucket=free, VersioningConfiguration={"Status": "Suspended"})
    s3.put_bucket_policy(Bucket=locked, Policy=denies(locked, "s3:*"))
    recorder.take()
    sweep = it.sweep()
    assert (sweep["unknown"], sweep["repaired"], sweep["inSync"]) == (1, 1, 1), it.said()
    settings = {line["setting"]: line["verdict"] for line in it.bucket(locked)["settings"]}
    assert {settings[word] for word in ("policy", "tags", "versioning")} == {"unknown"}
    said = json.dumps(it.bucket(locked)["errors"])
    for action in ("s3:GetBucketPolicy", "s3:GetBucketTagging", "s3:GetBucketVersioning"):
        assert action in said, said
    assert [request for request in recorder.take() if request.writes and request.bucket == locked] == []
    assert s3.get_bucket_versioning(Bucket=free)["Status"] == "Enabled"


def test_point_12_another_user_gets_nowhere_and_is_told_why(agent, repository, recorder, rgw, s3, name):
    theirs, own = name("theirs"), name("own")
    s3.create_bucket(Bucket=theirs)
    other = rgw.client("other")
    other.create_bucket(Bucket=own)
    repository.commit("Two buckets", {f"{it}.yaml": usual(it) for it in (theirs, own)})
    it = agent(keys=("other", "other"))
    it.first_sweep()
    assert [(held["setting"], held["reason"]) for held in it.held(theirs)] == [("existence", "impossible")]
    assert [request for request in recorder.every() if request.bucket == theirs and request.writes] == []
    assert "Status" not in s3.get_bucket_versioning(Bucket=theirs)
    assert it.bucket(own)["inSync"], it.said()

    # And one who may read and not write.
    rgw.admin("user", "modify", "--uid=other", "--op-mask=read")
    try:
        push(it, repository, "A tag", {f"{own}.yaml": usual(own, tags={**TAGS, "Team": "ml"})})
        assert "s3:PutBucketTagging" in it.said()
        assert it.setting(own, "tags")["verdict"] == "drifted"
    finally:
        rgw.admin("user", "modify", "--uid=other", "--op-mask=read, write, delete")


@pytest.mark.parametrize(
    ("keys", "hours_off", "code"),
    [
        (("test", "wrong"), 0, "SignatureDoesNotMatch"),
        (("nobody", "test"), 0, "InvalidAccessKeyId"),
        (("test", "test"), -1, "RequestTimeTooSkewed"),
    ],
)
def test_point_12_credentials_that_are_not_accepted_are_said(
    agent, repository, recorder, s3, name, keys, hours_off, code
):
    here = name("keys")
    s3.create_bucket(Bucket=here)
    repository.commit("A bucket", {"a.yaml": usual(here)})
    recorder.hours_off = hours_off
    it = agent(keys=keys)
    sweep = it.first_sweep()
    assert (sweep["unknown"], sweep["inSync"], sweep["repaired"]) == (1, 0, 0), it.said()
    assert f"failed: credentials not accepted ({code}" in it.said()
    assert "hint: check the credentials of the account in the agent's configuration" in it.said()
    assert [request for request in recorder.every() if request.writes] == []
    assert it.metric("driftless_aws_requests_total", result="credentials") > 0
    assert it.metric("driftless_aws_requests_total", result="denied") == 0


def test_point_04_a_write_that_stores_less_is_said_and_not_repeated_in_a_loop(agent, repository, recorder, s3, name):
    here = name("less")
    rule = {
        "id": "old",
        "status": "Enabled",
        "noncurrentVersionExpiration": {"noncurrentDays": 9, "newerNoncurrentVersions": 2},
    }
    repository.commit("A bucket", {"a.yaml": usual(here, lifecycle={"rules": [rule]})})
    it = agent()
    sweep = it.first_sweep()
    # Once more after the other settings were written, as they might have been what it waited for.
    assert sweep["failed"] in (1, 2), it.said()
    assert f"{here}: lifecycle was written and does not read back" in it.said()
    for _ in range(5):
        it.sweep()
    assert writes(recorder, "lifecycle") == 3
    (held,) = it.held(here)
    assert (held["setting"], held["reason"]) == ("lifecycle", "fighting")
    assert s3.get_bucket_versioning(Bucket=here)["Status"] == "Enabled"


def test_point_09_a_setting_that_can_be_read_and_not_written_is_tried_once(agent, repository, recorder, s3, name):
    here = name("logged")
    logging = {"targetBucket": here, "targetPrefix": "logs/"}
    repository.commit("A bucket", {"a.yaml": usual(here, logging=logging)})
    it = agent()
    it.first_sweep()
    assert "not supported by this store (MethodNotAllowed, status 405" in it.said()
    for _ in range(3):
        it.sweep()
    assert writes(recorder, "logging") == 1
    assert it.setting(here, "logging")["verdict"] == "unsupported"
    assert it.bucket(here)["inSync"], it.bucket(here)
