"""What a static member of a group says to its coordinator (KIP-345), in versions that aiokafka does not have.

Names are as in aiokafka, which is untyped here.
"""

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.group import HeartbeatResponse_v1
from aiokafka.protocol.types import Array, Int16, Int32, Schema, String


class HeartbeatResponse_v3(Response):  # type: ignore[misc]  # noqa: N801
    """As before."""

    API_KEY = 12
    API_VERSION = 3
    SCHEMA = HeartbeatResponse_v1.SCHEMA


class HeartbeatRequest_v3(RequestStruct):  # type: ignore[misc]  # noqa: N801
    """With the instance id: without it, who was replaced is told that it is unknown, joins again and replaces back."""

    API_KEY = 12
    API_VERSION = 3
    RESPONSE_TYPE = HeartbeatResponse_v3
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("generation_id", Int32),
        ("member_id", String("utf-8")),
        ("group_instance_id", String("utf-8")),
    )


class LeaveGroupResponse_v3(Response):  # type: ignore[misc]  # noqa: N801
    """An error for the request, and one for each member."""

    API_KEY = 13
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        (
            "members",
            Array(("member_id", String("utf-8")), ("group_instance_id", String("utf-8")), ("error_code", Int16)),
        ),
    )


class LeaveGroupRequest_v3(RequestStruct):  # type: ignore[misc]  # noqa: N801
    """The first that a static member can leave with."""

    API_KEY = 13
    API_VERSION = 3
    RESPONSE_TYPE = LeaveGroupResponse_v3
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("members", Array(("member_id", String("utf-8")), ("group_instance_id", String("utf-8")))),
    )


class Heartbeat(Request[HeartbeatRequest_v3]):  # type: ignore[misc]
    """A heartbeat of a static member."""

    API_KEY = 12

    def __init__(self, *fields: object) -> None:
        self._fields = fields

    def build(self, request_struct_class: type[HeartbeatRequest_v3]) -> HeartbeatRequest_v3:
        """As the broker is told."""
        return request_struct_class(*self._fields)


class Leave(Request[LeaveGroupRequest_v3]):  # type: ignore[misc]
    """A static member leaves for good."""

    API_KEY = 13

    def __init__(self, *fields: object) -> None:
        self._fields = fields

    def build(self, request_struct_class: type[LeaveGroupRequest_v3]) -> LeaveGroupRequest_v3:
        """As the broker is told."""
        return request_struct_class(*self._fields)
