"""The operator's configuration: environment variables that start with TRIMTAB_, each with its default and reason here."""

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PullPolicy = Literal["Always", "IfNotPresent", "Never"]


class Settings(BaseSettings):
    """Read once at the start; the chart writes them into the operator's pod."""

    model_config = SettingsConfigDict(env_prefix="TRIMTAB_", frozen=True, extra="ignore")

    worker_image: str = Field("trimtab-worker:dev", description="Image of the Jobs that touch the object store.")
    worker_image_pull_policy: PullPolicy = "IfNotPresent"
    serving_image: str = Field("trimtab-serving:dev", description="Image of the pods that serve, and of `verify` Jobs.")
    serving_image_pull_policy: PullPolicy = "IfNotPresent"

    namespaces: Annotated[tuple[str, ...], NoDecode] = Field((), description="Namespaces looked after, separated by commas; empty: all of the cluster.")
    lease_name: str = "trimtab-operator"
    lease_namespace: str = Field("default", description="Where the Lease stands: the operator's own namespace.")
    identity: str = Field("", description="Holder of the Lease: the pod's name; empty: the host's name and a random part.")
    lease_seconds: float = Field(15, gt=0, description="How long others wait for a holder that is silent.")

    resync_seconds: float = Field(300, gt=0, description="Time between two looks at everything. Events are the rule, this is the net.")
    max_concurrency: int = Field(8, ge=1, description="How many objects are reconciled at once.")
    pause_automatic_retraining: bool = Field(False, description="True: no incident and no new data begin a run, anywhere; what people change or ask for does.")
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    prometheus_url: str = Field("", description="Prometheus that triggers of DriftMonitors are asked of, such as http://prometheus.monitoring:9090.")
    metrics_port: int = Field(8080, ge=0, le=65535, description="/metrics, /healthz and /readyz; 0 takes any free port.")

    @field_validator("namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value
