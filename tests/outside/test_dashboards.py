"""The dashboards against the schema that Grafana's own project publishes: the models of
grafana-foundation-sdk are generated from it. What a model does not know it drops, so whatever is not
there again after a turn through it is no field of Grafana's, or has a value of another form."""

import json
from collections.abc import Iterator

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from watch import DASHBOARDS

register_default_plugins()

# Fields that Grafana writes and reads and its schema leaves to a datasource: those of an annotation from
# Prometheus, and the text of a variable's query.
OF_THE_DATASOURCE = {
    ("annotations", "list", "step"),
    ("annotations", "list", "titleFormat"),
    ("annotations", "list", "textFormat"),
    ("templating", "list", "definition"),
}


def lost(want: object, got: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """What is in the first and not in the second."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key, value in want.items():
            if key in got:
                yield from lost(value, got[key], (*path, key))
            else:
                yield (*path, key), value
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for one, other in zip(want, got, strict=True):
            yield from lost(one, other, path)
    elif want != got:
        yield path, want


def turned(dashboard: dict) -> list[tuple[tuple[str, ...], object]]:
    back = json.loads(json.dumps(Dashboard.from_json(dashboard), cls=JSONEncoder))
    return [it for it in lost(dashboard, back) if it[0] not in OF_THE_DATASOURCE]


@pytest.mark.parametrize("name", ["fleet", "bucket", "agent"])
def test_every_field_of_a_dashboard_is_one_of_grafanas_schema(name):
    assert turned(json.loads((DASHBOARDS / f"{name}.json").read_text())) == []


def test_a_field_that_grafana_does_not_know_is_found():
    dashboard = json.loads((DASHBOARDS / "fleet.json").read_text())
    panel = next(it for it in dashboard["panels"] if it["type"] != "row")
    panel["fieldConfig"]["defaults"]["units"] = "s"
    panel["gridPos"]["width"] = 12
    assert {path for path, _ in turned(dashboard)} == {
        ("panels", "fieldConfig", "defaults", "units"),
        ("panels", "gridPos", "width"),
    }
