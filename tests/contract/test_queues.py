"""Queues: batches, partial failures, filters, dead letters; and uploads announced on them."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.contract.targets import Cloud, wait_for


def send(cloud: Cloud, *bodies: dict[str, Any]) -> str:
    """Send work under one run id, so that tests do not see each other's."""
    run = uuid4().hex
    entries = [
        {"Id": str(n), "MessageBody": json.dumps({"kind": "work", **body, "run": run})}
        for n, body in enumerate(bodies)
    ]
    answer = cloud.client("sqs").send_message_batch(
        QueueUrl=cloud.names["WorkQueue"], Entries=entries
    )
    assert len(answer["Successful"]) == len(bodies)
    return run


def test_messages_come_in_batches_with_their_attributes(cloud: Cloud) -> None:
    run = send(cloud, *({"n": n} for n in range(4)))
    seen = cloud.evidence("work", lambda s: s.get("run") == run, count=4)
    assert {s["n"] for s in seen} == {0, 1, 2, 3}
    assert max(s["batch"] for s in seen) > 1
    record = seen[0]["record"]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"].endswith(":wires-dev-work")
    assert int(record["attributes"]["SentTimestamp"]) > 1_600_000_000_000


def test_only_the_failed_message_of_a_batch_comes_again(cloud: Cloud) -> None:
    run = send(cloud, {"n": 1}, {"n": 2, "fails_once": True}, {"n": 3})
    again = cloud.evidence("work", lambda s: s.get("run") == run and s["count"] == 2)
    assert [s["n"] for s in again] == [2]
    others = cloud.evidence("work", lambda s: s.get("run") == run and s["count"] == 1, count=3)
    assert sorted(s["n"] for s in others) == [1, 2, 3]


def test_a_poisonous_message_ends_in_the_dead_letter_queue(cloud: Cloud) -> None:
    run = send(cloud, {"poison": True})
    client, dead = cloud.client("sqs"), cloud.names["WorkDeadLetters"]

    def buried() -> bool:
        answer = client.receive_message(QueueUrl=dead, WaitTimeSeconds=1, VisibilityTimeout=1)
        return any(json.loads(m["Body"])["run"] == run for m in answer.get("Messages", []))

    wait_for(buried)
    tries = cloud.evidence("work", lambda s: s.get("run") == run, count=2)
    assert sorted(s["count"] for s in tries) == [1, 2]


def test_a_filter_drops_what_it_does_not_want(cloud: Cloud) -> None:
    client, queue = cloud.client("sqs"), cloud.names["WorkQueue"]
    unwanted = json.dumps({"kind": "play", "run": "unwanted"})
    client.send_message(QueueUrl=queue, MessageBody=unwanted)
    run = send(cloud, {"n": 1})
    cloud.evidence("work", lambda s: s.get("run") == run)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def is_empty() -> bool:
        answer = client.get_queue_attributes(QueueUrl=queue, AttributeNames=names)
        return set(answer["Attributes"].values()) == {"0"}

    wait_for(is_empty)
    assert not [s for s in cloud.evidence("work", lambda s: True) if s["run"] == "unwanted"]


def test_an_upload_is_announced_with_its_metadata_in_place(cloud: Cloud) -> None:
    key = f"uploads/{uuid4()}/Ärger & Co.pdf"
    cloud.client("s3").put_object(
        Bucket=cloud.names["UploadBucket"],
        Key=key,
        Body=b"hello",
        ContentType="application/pdf",
        Metadata={"who": "me"},
    )
    (seen,) = cloud.evidence("landings", lambda s: s["key"] == key)
    assert (seen["type"], seen["metadata"]) == ("application/pdf", {"who": "me"})
    event = seen["event"]
    assert event["eventName"] == "ObjectCreated:Put"
    entity = event["s3"]["object"]
    assert (entity["size"], entity["eTag"]) == (5, "5d41402abc4b2a76b9719d911017c592")
    assert "/" in entity["key"]
    assert entity["sequencer"]
    assert entity["versionId"]


def test_uploads_outside_the_prefix_are_not_announced(cloud: Cloud) -> None:
    bucket, run = cloud.names["UploadBucket"], uuid4().hex
    cloud.client("s3").put_object(Bucket=bucket, Key=f"other/{run}", Body=b"x")
    cloud.client("s3").put_object(Bucket=bucket, Key=f"uploads/{run}", Body=b"x")
    seen = cloud.evidence("landings", lambda s: s["key"].endswith(run))
    assert [s["key"] for s in seen] == [f"uploads/{run}"]


def test_an_upload_in_parts_is_announced_once(cloud: Cloud) -> None:
    client, bucket = cloud.client("s3"), cloud.names["UploadBucket"]
    key = f"uploads/{uuid4()}/big.bin"
    upload = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    parts = []
    for number, body in ((1, bytes(5 * 1024 * 1024)), (2, b"end")):
        tag = client.upload_part(
            Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=body
        )["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
    client.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
    )
    later = f"{key}.later"
    client.put_object(Bucket=bucket, Key=later, Body=b"x")
    cloud.evidence("landings", lambda s: s["key"] == later)
    (seen,) = cloud.evidence("landings", lambda s: s["key"] == key)
    assert seen["event"]["eventName"] == "ObjectCreated:CompleteMultipartUpload"
    assert seen["event"]["s3"]["object"]["size"] == 5 * 1024 * 1024 + 3


def test_a_presigned_post_takes_what_its_policy_allows(cloud: Cloud) -> None:
    form = presigned(cloud, f"uploads/{uuid4()}/a.txt", most=10)
    answer = httpx.post(form["url"], data=form["fields"], files={"file": b"ten bytes."})
    assert answer.status_code == 204
    cloud.evidence("landings", lambda s: s["key"] == form["fields"]["key"])


@pytest.mark.needs("post_policy")
def test_a_presigned_post_refuses_bigger_files_and_other_keys(cloud: Cloud) -> None:
    form = presigned(cloud, f"uploads/{uuid4()}/a.txt", most=10)
    answer = httpx.post(form["url"], data=form["fields"], files={"file": b"eleven byte"})
    assert (answer.status_code, "EntityTooLarge" in answer.text) == (400, True)
    fields = {**form["fields"], "key": "uploads/elsewhere"}
    answer = httpx.post(form["url"], data=fields, files={"file": b"x"})
    assert (answer.status_code, "AccessDenied" in answer.text) == (403, True)
    with pytest.raises(ClientError):
        cloud.client("s3").head_object(Bucket=cloud.names["UploadBucket"], Key="uploads/elsewhere")


def presigned(cloud: Cloud, key: str, *, most: int) -> dict[str, Any]:
    form: dict[str, Any] = cloud.client("s3").generate_presigned_post(
        cloud.names["UploadBucket"], key, Conditions=[["content-length-range", 1, most]]
    )
    return form


def test_nothing_is_lost_when_many_send_while_others_delete(cloud: Cloud) -> None:
    from concurrent.futures import ThreadPoolExecutor

    client = cloud.client("sqs")
    name = f"race-{uuid4().hex[:8]}"
    queue = client.create_queue(QueueName=name)["QueueUrl"]
    with ThreadPoolExecutor(4) as threads:
        for n in range(120):
            threads.submit(client.send_message, QueueUrl=queue, MessageBody=str(n))
        seen: list[str] = []

        def drained() -> bool:
            answer = client.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            for message in answer.get("Messages", []):
                client.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                seen.append(message["Body"])
            return len(seen) >= 120

        wait_for(drained)
    client.delete_queue(QueueUrl=queue)
    assert sorted(map(int, seen)) == list(range(120))
