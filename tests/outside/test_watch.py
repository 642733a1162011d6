"""A real Prometheus watches the real program: every query of every rule and panel has an answer,
and a page arrives and is taken back."""

import datetime
import json
import math
import re
import time
from collections.abc import Iterator

import pytest
import yaml
from agent import Agent, push
from specs import bucket, document, plain, public
from test_drift import OPEN
from waiting import free_port, until
from watch import DASHBOARDS, RULES, Alertmanager, Embedded, Prometheus, Receiver, Trouble, every_rule

ALWAYS = 1_000_000


@pytest.fixture(scope="module")
def embedded(tmp_path_factory) -> Iterator[Embedded]:
    store = Embedded(tmp_path_factory.mktemp("embedded"))
    yield store
    store.stop()


@pytest.fixture
def trouble(embedded) -> Iterator[Trouble]:
    it = Trouble(embedded)
    yield it
    it.stop()


@pytest.fixture
def ends() -> Iterator[list]:
    """What is stopped at the end, the newest first."""
    them: list = []
    yield them
    for it in reversed(them):
        it.stop()


def in_days(days: int) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)).strftime("%Y-%m-%d")


def fleet() -> dict[str, str]:
    """A bucket in each kind of trouble."""
    paused = {"reason": "key migration", "until": in_days(3)}
    return {
        "good.yaml": plain("good"),
        "drifted.yaml": plain("drifted", mode="observe"),
        "dark.yaml": plain("dark"),
        "exempt.yaml": plain("exempt", tags={"Team": "ml"}),
        "exemption.yaml": document(
            "Exemption",
            "later",
            {"policy": "tagged", "buckets": ["exempt"], "reason": "next week", "owner": "a@example.com", "expires": in_days(5)},
        ),
        "paused.yaml": plain("paused", suspend=paused),
        # A store lacks what it has refused for two buckets.
        **{f"{name}.yaml": bucket(name, accelerate={"status": "Enabled"}) for name in ["poor", "poorer"]},
        "broken.yaml": plain("broken"),
        "bad.yaml": bucket("bad", versionning={"status": "Enabled"}),
    }


def start(ends: list, trouble: Trouble, repository, folder, listen: str = "", **changes) -> Agent:
    folder.mkdir()
    it = Agent(folder, trouble, repository.source(), **changes)
    if listen:
        it.config["http"]["listen"] = listen
    ends.append(it)
    it.start()
    it.first_sweep()
    return it


@pytest.fixture
def watched(embedded, trouble, repository, ends, tmp_path) -> Prometheus:
    """Prometheus, over a fleet in which things went wrong while it looked."""
    s3 = embedded.client()
    for name in ["drifted", "dark", "exempt", "paused", "poor", "poorer", "stray"]:
        s3.create_bucket(Bucket=name)
    s3.delete_public_access_block(Bucket="drifted")
    s3.put_bucket_ownership_controls(
        Bucket="drifted", OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    s3.put_bucket_acl(Bucket="drifted", ACL="public-read")
    trouble.refusals = {
        ("GET", "dark", "tagging"): (403, "AccessDenied", ALWAYS),
        ("GET", "", "accelerate"): (501, "NotImplemented", ALWAYS),
    }
    repository.commit("The fleet", fleet())
    # Nobody listens where they are told.
    (tmp_path / "secret").write_text("s3cret")
    dead = {"name": "dead", "webhook": {"url": "http://127.0.0.1:9/", "secretFile": str(tmp_path / "secret")}}
    everything = {"policies": {"undeclared": True}, "notifications": [dead]}
    it = start(ends, trouble, repository, tmp_path / "bucket", **everything)
    other = start(
        ends, trouble, repository, tmp_path / "summary", mode="observe", metrics={"detail": "summary"}, **everything
    )
    prometheus = Prometheus(tmp_path / "prometheus", [it.address, other.address])
    ends.append(prometheus)
    until("both are scraped", lambda: prometheus.value("sum(driftless_build_info)") == 2, said=prometheus.said)

    # Now drift that is repaired, a repair that fails, throttles.
    trouble.refusals[("PUT", "broken", "versioning")] = (403, "AccessDenied", ALWAYS)
    trouble.refusals[("GET", "good", "encryption")] = (503, "SlowDown", 2)
    for name in ["good", "broken"]:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_public_access_block(Bucket="good")
    sweep = it.sweep()
    assert (sweep["repaired"], sweep["failed"]) == (2, 1), it.said()
    assert s3.get_bucket_versioning(Bucket="good")["Status"] == "Enabled"
    other.sweep()
    for name, text in [
        ("what failed is scraped", 'increase(driftless_repairs_total{result="failed"}[1h]) > 0'),
        ("what closed is scraped", "increase(driftless_drift_open_duration_seconds_count[1h]) > 0"),
        ("throttles are scraped", "rate(driftless_aws_throttles_total[5m]) > 0"),
        ("both sweeps are scraped", "count(increase(driftless_sweep_total{result='ok'}[1h]) > 0) == 2"),
        ("the rules were evaluated over it", "driftless:time_to_repair_seconds:p95_1d > 0"),
    ]:
        until(name, lambda text=text: prometheus.ask(text), said=prometheus.said)
    return prometheus


def sound(series: list[dict]) -> bool:
    """Whether there is a number among the samples."""
    samples = [sample for it in series for sample in it.get("values", [it.get("value")])]
    return any(not math.isnan(float(sample[1])) for sample in samples)


def one_of(query: str, bucket: str = "drifted") -> str:
    """A query as Grafana sends it: one bucket of one account, and all of everything else."""
    query = query.replace('account="$account"', 'account="default"').replace("$bucket", bucket)
    return query.replace("$account", ".*").replace("$policy", ".*")


def legend_labels(target: dict) -> set[str]:
    return set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))


def test_every_query_of_every_panel_and_rule_has_an_answer_from_a_real_prometheus(watched):
    # The fleet is what it is meant to be, so that no answer is one by chance.
    there = lambda query, label: {it["metric"][label] for it in watched.ask(query)}
    statuses = {"compliant", "drifted", "unknown", "exempt", "suspended", "unsupported"}
    assert there("driftless_bucket_policy_status == 1", "status") == statuses
    assert there("driftless_bucket_setting_status", "status") == statuses - {"compliant", "exempt"}
    assert there("driftless_buckets > 0", "state") == {"managed", "undeclared"}
    assert {"observe-only", "suspended", "no-repair", "backing-off"} <= there("driftless_held > 0", "reason")

    wrong: list[str] = []
    now = time.time()
    for file in sorted(DASHBOARDS.glob("*.json")):
        dashboard = json.loads(file.read_text())
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                query = one_of(target["expr"])
                # What only some buckets have is asked of such a bucket.
                if file.stem == "bucket" and "exemption" in query:
                    query = query.replace('"drifted"', '"exempt"')
                found = watched.ask(query) if target["instant"] else watched.ask_range(query, now - 30, time.time())
                place = f"{file.stem}: {panel['title']}: {query}"
                if not found:
                    wrong.append(f"{place}: nothing")
                elif not sound(found):
                    wrong.append(f"{place}: no number")
                elif missing := legend_labels(target) - set(found[0]["metric"]):
                    wrong.append(f"{place}: no {missing} for its legend in {found[0]['metric']}")
                if panel["type"] == "table":
                    renamed = panel["transformations"][0]["options"]["renameByName"]
                    if found and (missing := set(renamed) - {"Value"} - set(found[0]["metric"])):
                        wrong.append(f"{place}: no columns {missing}")
                numbers = [float(it["value"][1]) for it in found if "value" in it]
                if panel["fieldConfig"]["defaults"]["unit"] == "percentunit" and any(not 0 <= it <= 1 for it in numbers):
                    wrong.append(f"{place}: {numbers} is no share")
                if panel["fieldConfig"]["defaults"]["unit"].startswith("dateTime"):
                    # Milliseconds, and not those of another century: the schedule of the tests is rare.
                    if any(abs(it / 1000 - now) > 5 * 366 * 86400 for it in numbers):
                        wrong.append(f"{place}: {numbers} is no moment of ours")
        for annotation in dashboard["annotations"]["list"]:
            if "expr" in annotation and not watched.ask(annotation["expr"]):
                wrong.append(f"{file.stem}: {annotation['name']}: nothing")
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                metric, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()
                if not all(label in it["metric"] for it in watched.ask(one_of(metric)) or [{"metric": {}}]):
                    wrong.append(f"{file.stem}: ${variable['name']}: nothing")
    rules = yaml.safe_load(RULES.read_text())
    for rule in every_rule(rules):
        found = watched.ask(rule["expr"])
        if "record" in rule and not (found and sound(found) and watched.ask(rule["record"])):
            wrong.append(f"{rule['record']}: nothing")
        for metric in set(re.findall(r"\bdriftless[\w:]+", rule["expr"])):
            if not watched.ask(metric):
                wrong.append(f"{rule.get('alert') or rule['record']}: nothing of {metric}")
    assert wrong == [], "\n".join(wrong)

    # What is wrong is told, and nothing else.
    firing = lambda: {
        it["labels"]["alertname"] for it in watched.get("/api/v1/alerts")["data"]["alerts"] if it["state"] == "firing"
    }
    expected = {
        "DriftlessBucketPublicDrift",
        "DriftlessBucketDrifted",
        "DriftlessDriftOccurred",
        "DriftlessPolicyUnknown",
        "DriftlessRepairFailing",
        "DriftlessSuspendedTooLong",
        "DriftlessExemptionExpiring",
        "DriftlessSpecErrors",
        "DriftlessAwsThrottled",
        "DriftlessNotificationFailing",
        "Watchdog",
    }
    until("the alerts fire", lambda: firing() == expected, said=lambda: f"{firing() ^ expected} differ")
    health = {
        rule["name"]: rule["health"]
        for group in watched.get("/api/v1/rules")["data"]["groups"]
        for rule in group["rules"]
    }
    assert set(health.values()) == {"ok"}, health
    # Nothing of the metrics is refused.
    targets = watched.get("/api/v1/targets")["data"]["activeTargets"]
    assert [(it["health"], it["lastError"]) for it in targets] == [("up", ""), ("up", "")]


def test_a_fleet_that_is_well_leaves_no_panel_without_a_word(embedded, trouble, repository, ends, tmp_path):
    """Every panel was tried over a fleet in trouble, and over one that is well they said "No data"."""
    repository.commit("A bucket", {"a.yaml": plain("well")})
    it = start(ends, trouble, repository, tmp_path / "agent")
    assert it.bucket("well")["inSync"]
    it.sweep()
    prometheus = Prometheus(tmp_path / "prometheus", [it.address])
    ends.append(prometheus)
    until("it is scraped", lambda: prometheus.ask("driftless:policy_compliance:ratio == 1"), said=prometheus.said)
    ratios = "count_over_time(driftless:policy_compliance:ratio[1m]) > 3"
    until("a while goes by", lambda: prometheus.ask(ratios), said=prometheus.said)
    now = time.time()
    silent, empty = [], set()
    for file in sorted(DASHBOARDS.glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            targets = panel.get("targets", [])
            ask = lambda it: (
                prometheus.ask(it) if panel["targets"][0]["instant"] else prometheus.ask_range(it, now - 30, time.time())
            )
            if targets and not any(sound(ask(one_of(target["expr"], "well"))) for target in targets):
                empty.add(panel["title"])
                if "noValue" not in panel["fieldConfig"]["defaults"]:
                    silent.append(f"{file.stem}: {panel['title']}")
    assert silent == []
    # What a panel says in place of a value is seen where it is true.
    for title in ["Which buckets are not as wanted?", "Why are differences held?", "Which drift is open, and since when?"]:
        assert title in empty
    # Nobody is paged: `for` is a second here.
    firing = [alert["labels"] for alert in prometheus.get("/api/v1/alerts")["data"]["alerts"]]
    assert [it for it in firing if it["severity"] in ("critical", "warning")] == [], firing


@pytest.mark.parametrize("told_by", ["prometheus", "the agent", "both"])
def test_a_bucket_that_somebody_opens_pages_and_the_page_is_taken_back(
    embedded, trouble, repository, ends, tmp_path, told_by
):
    receiver = Receiver()
    ends.append(receiver)
    alertmanager = Alertmanager(tmp_path / "alertmanager", receiver.url)
    ends.append(alertmanager)
    s3 = embedded.client()
    # Whatever a test before has done to it.
    name = f"training-{told_by.split()[-1]}"
    repository.commit("A bucket", {"a.yaml": plain(name)})
    listen = f"127.0.0.1:{free_port()}"
    changes = {}
    if told_by != "prometheus":
        changes["alertmanager"] = {
            "urls": [alertmanager.url],
            "interval": "2s",
            "wait": "0s",
            "labels": {"job": "driftless", "instance": listen},
            "grafanaUrl": "https://grafana.example.com",
            "docsUrl": "https://docs.example.com/driftless",
        }
    it = start(ends, trouble, repository, tmp_path / "agent", listen=listen, **changes)
    push(it, repository, "Only watch it", {"a.yaml": plain(name, mode="observe")})
    assert it.bucket(name)["inSync"]
    said = lambda: f"{receiver.seen}\n{alertmanager.said()}\n{it.said()}"
    prometheus = None
    closed = f'driftless_bucket_policy_status{{bucket="{name}",policy="private",status="compliant"}} == 1'
    if told_by != "the agent":
        prometheus = Prometheus(tmp_path / "prometheus", [it.address], alertmanager)
        ends.append(prometheus)
        until("Prometheus sees it closed", lambda: prometheus.ask(closed), said=prometheus.said)
    if told_by != "prometheus":
        until("the watchdog arrives", lambda: receiver.got("firing", alertname="Watchdog"), said=said)
    open_to_all = {"alertname": "DriftlessBucketPublicDrift", "bucket": name}
    assert receiver.got("firing", **open_to_all) == []

    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=OPEN)
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(public(name)))
    it.sweep()
    page = until("the page arrives", lambda: receiver.got("firing", **open_to_all), said=said)[0]
    assert (page["labels"]["severity"], page["labels"]["policy"]) == ("critical", "private")
    assert page["annotations"]["summary"] == f"Bucket {name} breaks the critical policy private"
    assert page["annotations"]["dashboard_url"].endswith(f"/d/driftless-bucket?var-bucket={name}&var-account=default")
    assert receiver.got("resolved", **open_to_all) == []
    block = lambda: s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(block().values()) == {False}
    if told_by != "prometheus":
        pushed = lambda: it.metric("driftless_notifications_total", service="alertmanager", result="ok")
        before = pushed()
        until("it pushes on", lambda: pushed() > before + 1, said=said)
        assert it.metric("driftless_notifications_total", service="alertmanager", result="failed") == 0
    if told_by == "both":
        # Both say the same, and Alertmanager takes it for one.
        mine = lambda alert: alert["labels"].get("bucket") == name or alert["labels"]["alertname"] == "Watchdog"
        fires = lambda: [
            alert
            for alert in prometheus.get("/api/v1/alerts")["data"]["alerts"]
            if alert["state"] == "firing" and mine(alert)
        ]
        names = {"DriftlessBucketPublicDrift", "DriftlessBucketDrifted", "Watchdog"}
        fire = lambda: {alert["labels"]["alertname"] for alert in fires()} == names
        until("Prometheus pushes them as well", fire, said=prometheus.said)
        fields = ["labels", "annotations"]
        of = lambda alerts: sorted(json.dumps([alert[it] for it in fields], sort_keys=True) for alert in alerts)
        in_prometheus = of(fires())
        now = lambda: of([alert for alert in alertmanager.get("/api/v2/alerts") if mine(alert)])
        before = pushed()
        until("and so does the agent", lambda: pushed() > before + 1, said=said)
        assert now() == in_prometheus

    push(it, repository, "Keep it closed", {"a.yaml": plain(name)})
    assert set(block().values()) == {True}
    until("the page is taken back", lambda: receiver.got("resolved", **open_to_all), said=said)
    if prometheus:
        until("Prometheus sees it closed again", lambda: prometheus.ask(closed), said=prometheus.said)
    if told_by == "the agent":
        # Whoever misses the watchdog learns that the agent is gone.
        assert receiver.got("resolved", alertname="Watchdog") == []
        ends.remove(it)
        it.process.kill()
        it.process.wait()
        until("the watchdog is missed", lambda: receiver.got("resolved", alertname="Watchdog"), said=said)
