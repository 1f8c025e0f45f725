"""Where the object store is and who we are there: read once from the environment that Secret trimtab-store fills."""

import os
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, SecretStr

from trimtab.api.reasons import Reason
from trimtab.store.errors import StoreNotConfigured

REQUIRED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "TRIMTAB_BUCKET")
"""Endpoint and region may be absent: then it is AWS itself, in the region most stores of other makes accept too."""

DEFAULT_REGION = "us-east-1"

SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Variables whose values must never reach a log, a message or a record. The id of the access key is a name, no secret: many stores
are given one like `trimtab`, and to mask that would break every address with that word in it."""


class StoreSettings(BaseModel):
    """The endpoint, the credentials, and the place in it that is ours."""

    model_config = ConfigDict(frozen=True)

    endpoint: str | None = None
    region: str = DEFAULT_REGION
    access_key: SecretStr
    secret_key: SecretStr
    bucket: str
    prefix: str

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> "StoreSettings":
        """TRIMTAB_PREFIX defaults to the pod's namespace, so that tenants of one bucket do not meet."""
        namespace = env.get("POD_NAMESPACE", "")
        if missing := [name for name in REQUIRED if not env.get(name)]:
            raise StoreNotConfigured(f"{Reason.STORE_NOT_CONFIGURED.say(namespace=namespace)} Missing: {', '.join(missing)}.")
        return cls(
            endpoint=env.get("AWS_ENDPOINT_URL_S3") or None,
            region=env.get("AWS_REGION") or DEFAULT_REGION,
            access_key=SecretStr(env["AWS_ACCESS_KEY_ID"]),
            secret_key=SecretStr(env["AWS_SECRET_ACCESS_KEY"]),
            bucket=env["TRIMTAB_BUCKET"],
            prefix=(env.get("TRIMTAB_PREFIX") or namespace or "default").strip("/"),
        )
