"""`data.aws_caller_identity`: who plans and applies."""

from __future__ import annotations

from planform.core.schemas import STRING, Attribute, Schema, attributes

SCHEMA = Schema(
    type="aws_caller_identity",
    doc="The account, and who planform is there (STS GetCallerIdentity).",
    example="""\
data:
  aws_caller_identity: {me: {}}
output:
  account: {value: "${data.aws_caller_identity.me.account_id}"}
""",
    attributes=attributes(
        account_id=Attribute(STRING, "Number of the account.", computed=True),
        arn=Attribute(STRING, "ARN of the user or the assumed role.", computed=True),
        user_id=Attribute(STRING, "Unique id of the user or role.", computed=True),
        region=Attribute(STRING, "The region of the provider.", computed=True),
    ),
)
