"""Messages through a topic of SNS, as moto keeps it, into a queue."""

import json
from collections.abc import Iterator

import pytest
from agent import Agent
from specs import plain
from stores import Moto, Recorder
from waiting import until


@pytest.fixture(scope="module")
def moto(tmp_path_factory) -> Iterator[Moto]:
    it = Moto(tmp_path_factory.mktemp("sns"))
    yield it
    it.stop()


@pytest.fixture(params=["drift", "drift.fifo"])
def queue(request, moto) -> tuple[str, str]:
    """A topic, and a queue that is subscribed to it."""
    fifo = {"FifoTopic": "true"} if request.param.endswith(".fifo") else {}
    topic = moto.client("sns").create_topic(Name=request.param, Attributes=fifo)["TopicArn"]
    sqs = moto.client("sqs")
    fifo = {"FifoQueue": "true"} if fifo else {}
    queue = sqs.create_queue(QueueName=request.param, Attributes=fifo)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    moto.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, queue


@pytest.fixture
def run(moto, repository, tmp_path) -> Iterator:
    started: list = []
    recorder = Recorder(moto)

    def start(topic: str) -> Agent:
        sns = {"topicArn": topic, "endpoint": f"http://127.0.0.1:{moto.port}"}
        it = Agent(tmp_path, recorder, repository.source(), notifications=[{"name": "topic", "sns": sns}])
        started.append(it)
        it.start()
        return it

    yield start
    for it in started:
        assert it.stop() == 0, it.said()
    recorder.stop()


def test_drift_is_published_once_and_so_is_its_end(moto, repository, run, queue, name):
    topic, address = queue
    s3, sqs = moto.client(), moto.client("sqs")
    bucket = name("data")
    repository.commit("A bucket", {"a.yaml": plain(bucket)})
    it = run(topic)
    it.first_sweep()
    repository.commit("Only watch it", {"a.yaml": plain(bucket, mode="observe")})
    it.follows(repository.head())
    messages: list[dict] = []

    def about(state: str) -> list[dict]:
        """The messages of a state about the versioning of the bucket."""
        for got in sqs.receive_message(QueueUrl=address, MaxNumberOfMessages=10).get("Messages", []):
            messages.append(json.loads(got["Body"]))
            sqs.delete_message(QueueUrl=address, ReceiptHandle=got["ReceiptHandle"])
        said = [(it, json.loads(it["Message"])) for it in messages]
        return [
            {"sns": outer, **inner}
            for outer, inner in said
            if inner["state"] == state and inner["happening"] == "drift" and inner.get("setting") == "versioning"
        ]

    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    it.sweep()
    [opened] = until("the drift arrives", lambda: about("open"), said=it.said)
    assert opened["sns"]["TopicArn"] == topic
    assert opened["sns"]["Subject"].startswith("[driftless ") and bucket in opened["sns"]["Subject"]
    attributes = {key: value["Value"] for key, value in opened["sns"]["MessageAttributes"].items()}
    assert attributes == {"happening": "drift", "state": "open", "severity": opened["severity"]}
    assert [it["name"] for it in opened["buckets"]] == [bucket]

    it.sweep()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    it.sweep()
    [over] = until("its end arrives", lambda: about("resolved"), said=it.said)
    assert over["key"] == opened["key"] and over["id"] != opened["id"]
    assert len(about("open")) == 1
    assert it.metric("driftless_notifications_total", service="sns", result="ok") >= 2
    assert it.metric("driftless_notifications_total", service="sns", result="failed") == 0


def test_a_topic_that_is_not_there_says_what_to_do(moto, repository, run, name):
    bucket = name("data")
    moto.client().create_bucket(Bucket=bucket)
    repository.commit("A bucket", {"a.yaml": plain(bucket)})
    it = run(f"arn:aws:sns:us-east-1:{moto.account}:nothing")
    said = "notifications of `topic` do not arrive: SNS does not publish it (NotFound"
    until("the failure is said", lambda: said in it.said(), said=it.said)
    assert "hint: correct `topicArn`" in it.said()
    assert it.metric("driftless_notifications_total", service="sns", result="failed") >= 1
