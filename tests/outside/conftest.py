"""The whole program against independent parts: real S3 servers, real git servers, boto3.

What a test asserts is read from the outside: boto3 reads the store past the program, the recorder
takes down what the program asked, and its own page, API and metrics are read over HTTP.
"""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent import Agent
from ceph import Rgw
from repositories import TRANSPORTS, Repository
from stores import LocalStack, Moto, Recorder, Store

STORES = {"moto": Moto, "localstack": LocalStack}


@pytest.fixture(scope="session", params=STORES)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = STORES[request.param](tmp_path_factory.mktemp(request.param))
    yield store
    store.stop()


@pytest.fixture(scope="session")
def rgw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rgw]:
    store = Rgw(tmp_path_factory.mktemp("rgw"))
    yield store
    store.stop()


@pytest.fixture
def s3(store: Store):
    """S3 in the hands of somebody else."""
    return store.client()


@pytest.fixture
def recorder(store: Store) -> Iterator[Recorder]:
    recorder = Recorder(store)
    yield recorder
    recorder.stop()
    # Law 4, in whatever a test was about.
    assert [it for it in recorder.every() if it.method == "DELETE" and not it.part] == []


@pytest.fixture
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Repository]:
    """Over http, or over what `@pytest.mark.parametrize("repository", [...], indirect=True)` says."""
    repository = TRANSPORTS[getattr(request, "param", "http")](tmp_path)
    yield repository
    repository.down()


@pytest.fixture
def agent(recorder: Recorder, repository: Repository, tmp_path: Path) -> Iterator[Callable[..., Agent]]:
    """Starts the program; fields of its configuration are given by name."""
    started: list[Agent] = []

    def start(**changes: object) -> Agent:
        source = changes.pop("source", None) or repository.source()
        it = Agent(tmp_path, recorder, source, **changes)
        started.append(it)
        it.start()
        return it

    yield start
    for it in started:
        if it.process is not None:
            assert it.stop() == 0, it.said()


@pytest.fixture
def name() -> Callable[[str], str]:
    """Names of buckets that no other test has: the servers are shared."""
    own = uuid.uuid4().hex[:10]
    return lambda word: f"{word}-{own}"
