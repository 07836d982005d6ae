"""Workflows: start a Step Functions execution by a name that makes the start idempotent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from shared.adapters import aws
from shared.kernel.errors import NotFoundError


class Workflows:
    """One state machine."""

    def __init__(self, arn: str, *, region: str, endpoint: str = "") -> None:
        self.arn = arn
        self._client: Any = aws.client("stepfunctions", region=region, endpoint=endpoint)

    def start(self, name: str, data: Mapping[str, object]) -> None:
        """Start the execution called ``name``; a second start of the same name is no error."""
        with aws.translated("The workflow"):
            try:
                self._client.start_execution(
                    stateMachineArn=self.arn, name=name, input=json.dumps(data)
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                    raise

    def is_running(self, name: str) -> bool:
        """Tell whether the execution called ``name`` is known and not finished."""
        arn = f"{self.arn.replace(':stateMachine:', ':execution:')}:{name}"
        try:
            with aws.translated("The workflow"):
                return bool(
                    self._client.describe_execution(executionArn=arn)["status"] == "RUNNING"
                )
        except NotFoundError:
            return False
