"""Objects: every version can be listed and removed for good."""

from __future__ import annotations

from uuid import uuid4

from tests.contract.targets import Cloud


def test_a_key_can_be_erased_with_all_its_versions(cloud: Cloud) -> None:
    client, bucket = cloud.client("s3"), cloud.names["UploadBucket"]
    key = f"erase/{uuid4().hex}"
    bodies = [b"first", b"second, and longer than the first"]
    for body in bodies:
        client.put_object(Bucket=bucket, Key=key, Body=body)
    client.delete_object(Bucket=bucket, Key=key)
    listed = client.list_object_versions(Bucket=bucket, Prefix=key)
    versions = listed.get("Versions", []) + listed.get("DeleteMarkers", [])
    for version in listed.get("Versions", []):
        answer = client.get_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])
        assert answer["Body"].read() in bodies
    for version in versions:
        client.delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])
    left = client.list_object_versions(Bucket=bucket, Prefix=key)
    assert not left.get("Versions", []) + left.get("DeleteMarkers", [])
