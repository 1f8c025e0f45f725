"""The embedded object store's bucket and identities: one identity per tenant, which sees its own prefix and nothing else.

`python -m trimtab.store.identities` runs after each install and upgrade of the chart, with the store's root credentials and
TRIMTAB_TENANTS, a JSON list of `{namespace, prefix, accessKeyId, secretAccessKey}`. Doing it twice changes nothing; a key that
changed is changed there too. The identities are versitygw's own (its admin API beside S3); any other store has its own way,
and its users make the Secrets themselves.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from xml.sax.saxutils import escape

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PATIENCE_SECONDS = 120.0
"""The server's image may still be on its way when this starts; the Job tries again after that."""

REQUEST_SECONDS = 10.0
CONFLICT = 409
OBJECT_ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")


@dataclass(frozen=True)
class Tenant:
    """One identity and the prefix that is its own."""

    prefix: str
    access_key: str
    secret_key: str


@dataclass(frozen=True)
class Root:
    """The store's address and who may change everything there."""

    endpoint: str
    region: str
    credentials: Credentials

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Self:
        credentials = Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
        return cls(env["AWS_ENDPOINT_URL_S3"].rstrip("/"), env["AWS_REGION"], credentials)

    def ask(self, method: str, path: str, body: str = "") -> None:
        """One signed request; what the store refuses is raised as urllib's HTTPError."""
        request = AWSRequest(method, f"{self.endpoint}{path}", data=body.encode())
        S3SigV4Auth(self.credentials, "s3", self.region).add_auth(request)
        asked = urllib.request.Request(request.url, data=body.encode(), headers=dict(request.headers), method=method)  # noqa: S310 - the chart's own address
        with urllib.request.urlopen(asked, timeout=REQUEST_SECONDS):  # noqa: S310
            pass


def tenants(text: str) -> list[Tenant]:
    return [Tenant(each["prefix"].strip("/"), each["accessKeyId"], each["secretAccessKey"]) for each in json.loads(text)]


def policy(bucket: str, owners: Sequence[Tenant]) -> dict[str, Any]:
    """Each tenant: objects under its prefix, and listing there. What is not allowed is refused."""
    statements = [statement for tenant in owners for statement in statements_of(bucket, tenant)]
    return {"Version": "2012-10-17", "Statement": statements}


def statements_of(bucket: str, tenant: Tenant) -> list[dict[str, Any]]:
    own = {"Effect": "Allow", "Principal": {"AWS": [tenant.access_key]}}
    return [
        own | {"Action": list(OBJECT_ACTIONS), "Resource": [f"arn:aws:s3:::{bucket}/{tenant.prefix}/*"]},
        own
        | {
            "Action": ["s3:ListBucket"],
            "Resource": [f"arn:aws:s3:::{bucket}"],
            "Condition": {"StringLike": {"s3:prefix": [f"{tenant.prefix}/*"]}},
        },
    ]


def make_bucket(root: Root, bucket: str) -> None:
    try:
        root.ask("PUT", f"/{bucket}")
    except urllib.error.HTTPError as error:
        if error.code != CONFLICT:
            raise


def make_identity(root: Root, tenant: Tenant) -> None:
    """A new identity, or the new key of one that is there."""
    try:
        root.ask("PATCH", "/create-user", account(tenant))
    except urllib.error.HTTPError as error:
        if error.code != CONFLICT:
            raise
        root.ask("PATCH", f"/update-user?access={tenant.access_key}", f"<MutableProps><Secret>{escape(tenant.secret_key)}</Secret></MutableProps>")


def account(tenant: Tenant) -> str:
    return f"<Account><Access>{escape(tenant.access_key)}</Access><Secret>{escape(tenant.secret_key)}</Secret><Role>user</Role></Account>"


def wait_for(root: Root) -> None:
    """Until the store answers anything at all."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return root.ask("GET", "/")
        except urllib.error.HTTPError:
            raise  # it answers, and does not like us: waiting will not help
        except OSError as error:
            if time.monotonic() > end:
                raise TimeoutError(f"{root.endpoint} did not answer within {PATIENCE_SECONDS:.0f} s: {error}") from error
            time.sleep(1)


def main(env: Mapping[str, str] = os.environ) -> int:
    root, bucket, owners = Root.from_environment(env), env["TRIMTAB_BUCKET"], tenants(env["TRIMTAB_TENANTS"])
    try:
        wait_for(root)
        make_bucket(root, bucket)
        for tenant in owners:
            make_identity(root, tenant)
        if owners:
            root.ask("PUT", f"/{bucket}?policy=", json.dumps(policy(bucket, owners)))
    except urllib.error.HTTPError as error:
        print(f"{error.url}: {error.code} {error.read().decode(errors='replace')[:500]}", file=sys.stderr)
        return 1
    print(f"bucket {bucket}: {len(owners)} identities, each limited to its prefix")
    return 0


if __name__ == "__main__":
    sys.exit(main())
