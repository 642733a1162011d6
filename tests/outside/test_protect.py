"""Versioning, object lock and replication: what S3 takes only in an order, on servers of others."""

from agent import push
from specs import plain

ROLE = "arn:aws:iam::111122223333:role/replication"


def copies(name: str, status: str = "Enabled") -> dict:
    rule = {
        "id": "all",
        "status": status,
        "priority": 1,
        "filter": {},
        "deleteMarkerReplication": {"status": "Disabled"},
        "destination": {"bucket": f"arn:aws:s3:::{name}"},
    }
    return {"role": ROLE, "rules": [rule]}


def test_a_new_bucket_is_locked_and_copied_and_both_stay(agent, repository, recorder, s3, name):
    there, here = name("copies"), name("models")
    repository.commit("A place for copies", {"a.yaml": plain(there)})
    it = agent()
    it.first_sweep()
    lock = {"enabled": True, "defaultRetention": {"mode": "GOVERNANCE", "days": 30}}
    spec = plain(here, objectLock=lock, replication=copies(there))
    sweep = push(it, repository, "Locked and copied", {"b.yaml": spec})
    assert (sweep["failed"], sweep["held"]) == (0, 0), it.said()
    found = s3.get_object_lock_configuration(Bucket=here)["ObjectLockConfiguration"]
    assert found["ObjectLockEnabled"] == "Enabled"
    retention = found["Rule"]["DefaultRetention"]
    assert (retention["Mode"], retention["Days"], retention.get("Years", 0)) == ("GOVERNANCE", 30, 0)
    assert s3.get_bucket_versioning(Bucket=here)["Status"] == "Enabled"
    found = s3.get_bucket_replication(Bucket=here)["ReplicationConfiguration"]
    assert found["Role"] == ROLE
    (rule,) = found["Rules"]
    assert (rule["ID"], rule["Status"], rule["Priority"]) == ("all", "Enabled", 1)
    assert rule["Destination"]["Bucket"] == f"arn:aws:s3:::{there}"
    recorder.take()
    assert it.sweep()["inSync"] == 2, it.bucket(here)
    assert [request for request in recorder.take() if request.writes] == []


def test_replication_goes_only_with_an_approval_and_the_lock_never(agent, repository, recorder, s3, name):
    there, here = name("copies"), name("models")
    files = {"a.yaml": plain(there), "b.yaml": plain(here, objectLock=True, replication=copies(there))}
    repository.commit("Two buckets", files)
    it = agent()
    # Where the place for copies is made after the source, the second sweep sets it right.
    it.first_sweep()
    it.sweep()
    push(it, repository, "Neither", {"b.yaml": plain(here, objectLock=False, replication="absent")})
    held = {held["setting"]: held for held in it.held(here)}
    assert held["objectLock"]["reason"] == "impossible"
    assert held["objectLock"]["detail"] == "object lock can never be switched off"
    assert held["replication"]["reason"] == "needs-approval"
    assert s3.get_bucket_replication(Bucket=here)["ReplicationConfiguration"]["Rules"]
    approval = held["replication"]["approval"].replace("TELL WHY", "moved elsewhere")
    push(it, repository, "Approved", {"approval.yaml": approval})
    deletes = [request.part for request in recorder.every() if request.method == "DELETE"]
    assert deletes == ["replication"]
    s3.head_bucket(Bucket=here)
    assert s3.get_object_lock_configuration(Bucket=here)["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled"
