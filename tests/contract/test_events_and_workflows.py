"""The bus, the state machine and schedules."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

import pytest

from tests.contract.targets import Cloud, wait_for


def put(cloud: Cloud, kind: str, detail: dict[str, Any]) -> str:
    """Put one event on the service's bus; returns its id."""
    answer = cloud.client("events").put_events(
        Entries=[
            {
                "Source": "wires",
                "DetailType": kind,
                "Detail": json.dumps(detail),
                "EventBusName": cloud.names["FactsBus"],
            }
        ]
    )
    assert answer["FailedEntryCount"] == 0
    return str(answer["Entries"][0]["EventId"])


def run(cloud: Cloud, given: dict[str, Any]) -> dict[str, Any]:
    """Run the chain to its end."""
    client = cloud.client("stepfunctions")
    arn = client.start_execution(
        stateMachineArn=cloud.names["chain"], name=str(uuid4()), input=json.dumps(given)
    )["executionArn"]

    def ended() -> dict[str, Any] | None:
        execution: dict[str, Any] = client.describe_execution(executionArn=arn)
        return execution if execution["status"] != "RUNNING" else None

    execution: dict[str, Any] = wait_for(ended)
    assert execution["status"] == "SUCCEEDED", execution
    output: dict[str, Any] = json.loads(execution["output"])
    return output


def test_an_event_reaches_the_function_whose_pattern_it_matches(cloud: Cloud) -> None:
    event_id = put(cloud, "Heard", {"nested": {"x": [1, 2]}})
    (seen,) = cloud.evidence("heard", lambda s: s["id"] == event_id)
    assert (seen["source"], seen["detail-type"]) == ("wires", "Heard")
    assert seen["detail"] == {"nested": {"x": [1, 2]}}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", seen["time"])


def test_an_event_no_pattern_matches_reaches_nobody(cloud: Cloud) -> None:
    unheard = put(cloud, "Unheard", {})
    heard = put(cloud, "Heard", {})
    cloud.evidence("heard", lambda s: s["id"] == heard)
    assert unheard not in [s["id"] for s in cloud.evidence("heard", lambda s: True)]


@pytest.mark.needs("retries")
def test_a_failing_listener_is_called_three_times_at_most(cloud: Cloud) -> None:
    if cloud.target == "aws":
        pytest.skip("Lambda waits minutes between its attempts")
    event_id = put(cloud, "Heard", {"failures": 2})
    assert len(cloud.evidence("heard", lambda s: s["id"] == event_id, count=3)) == 3


def test_an_event_reaches_a_queue(cloud: Cloud) -> None:
    client, queue = cloud.client("sqs"), cloud.names["FactsQueue"]
    event_id = put(cloud, "QueueWanted", {"n": 1})

    def delivered() -> bool:
        answer = client.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
        return event_id in [json.loads(m["Body"])["id"] for m in answer.get("Messages", [])]

    wait_for(delivered)


@pytest.mark.needs("rule_target")
def test_an_event_starts_an_execution(cloud: Cloud) -> None:
    client, chain = cloud.client("stepfunctions"), cloud.names["chain"]
    before = len(client.list_executions(stateMachineArn=chain)["executions"])
    put(cloud, "ChainWanted", {"items": [7]})
    wait_for(lambda: len(client.list_executions(stateMachineArn=chain)["executions"]) > before)


def test_a_map_handles_every_item_in_order(cloud: Cloud) -> None:
    assert run(cloud, {"items": list(range(12))}) == {
        "outcome": "completed",
        "results": [n * 10 for n in range(12)],
    }


@pytest.mark.needs("error_class")
def test_a_state_is_retried_for_the_error_class_it_names(cloud: Cloud) -> None:
    assert run(cloud, {"items": [], "transient": 2})["outcome"] == "completed"


@pytest.mark.needs("error_class")
def test_a_state_catches_the_error_class_it_names(cloud: Cloud) -> None:
    output = run(cloud, {"permanent": True})
    assert output["outcome"] == "failed"
    assert output["failure"]["Error"] == "PermanentError"
    assert json.loads(output["failure"]["Cause"])["errorMessage"] == "never"


def test_an_execution_name_is_used_once(cloud: Cloud) -> None:
    client, chain, name = cloud.client("stepfunctions"), cloud.names["chain"], str(uuid4())
    client.start_execution(stateMachineArn=chain, name=name, input='{"items": []}')
    with pytest.raises(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(stateMachineArn=chain, name=name, input='{"items": [1]}')


@pytest.mark.needs("schedule")
def test_a_schedule_calls_its_function_with_its_input(cloud: Cloud) -> None:
    assert cloud.evidence("ticks", lambda s: True)[0] == {"tick": True}


def test_a_function_can_be_called_through_the_lambda_api(cloud: Cloud) -> None:
    client = cloud.client("lambda")
    payload = json.dumps({"step": "item", "value": 4})
    answer = client.invoke(FunctionName="wires-dev-step", Payload=payload)
    assert (answer["StatusCode"], json.loads(answer["Payload"].read())) == (200, 40)
    answer = client.invoke(FunctionName="wires-dev-step", Payload="{}")
    assert answer["FunctionError"] == "Unhandled"
    assert (
        client.invoke(FunctionName="wires-dev-step", InvocationType="Event", Payload=payload)[
            "StatusCode"
        ]
        == 202
    )
