"""The questions that dashboards and alerts put to Prometheus, each written once.

`$namespace`, `$deployment` and `$__rate_interval` are Grafana's; a rule asks over all of them and a time of its own. Metrics of
serving pods get their `namespace` from whoever scrapes them, those of the operator bring it along (scrape with honorLabels).
"""

HERE = 'namespace=~"$namespace",model_deployment=~"$deployment"'
"""What a dashboard is narrowed down to."""
BY_MODEL = "namespace, model_deployment"
OWN = "$__rate_interval"
CLIENTS = 'role="Stable"'
"""What stable pods answered clients themselves."""
FORWARDED = 'role="Candidate",code="200"'
"""What clients got from a candidate; whatever else it said, a stable pod answered after it."""
BROKEN = 'code=~"5.."'
"""A 499 is the client's: it left."""

OBJECTIVE = 0.999
"""Share of the clients' requests that are to be answered without a 5xx, over 30 days."""
BUDGET = round(1 - OBJECTIVE, 6)


def requests(window: str, where: str = "", by: str = BY_MODEL) -> str:
    """A second; what clients asked, whoever answered them in the end."""
    asked = " or ".join(f"rate(trimtab_requests_total{{{_and(role, where)}}}[{window}])" for role in (CLIENTS, FORWARDED))
    return f"sum by ({by}) ({asked})"


def failed(window: str, where: str = "", by: str = BY_MODEL) -> str:
    """A second; what clients got a 5xx for."""
    return f"sum by ({by}) (rate(trimtab_requests_total{{{_and(CLIENTS, BROKEN, where)}}}[{window}]))"


def failing(window: str, where: str = "") -> str:
    """Share of failed requests; nothing where nothing has failed yet."""
    return f"{failed(window, where)} / {requests(window, where)}"


def failing_or_none(window: str, where: str = "") -> str:
    """The same, and 0 where nothing has failed: for a panel, in which a gap would read as `unknown`."""
    return f"({failed(window, where)} or 0 * {requests(window, where)}) / {requests(window, where)}"


def latency(quantile: float, window: str, where: str = "", by: str = BY_MODEL) -> str:
    """Seconds, as clients waited."""
    buckets = f"rate(trimtab_request_duration_seconds_bucket{{{_and(CLIENTS, where)}}}[{window}])"
    return f"histogram_quantile({quantile}, sum by ({by}, le) ({buckets}))"


def rows(state: str, window: str, where: str = "") -> str:
    """Rows of the prediction log a second."""
    return f"sum by ({BY_MODEL}) (rate(trimtab_prediction_log_rows_total{{{_and(_is('state', state), where)}}}[{window}]))"


def dropped(window: str, where: str = "") -> str:
    """Share of the rows that nobody will ever read."""
    return f"{rows('dropped', window, where)} / {rows('taken', window, where)}"


def condition(kind: str, type_: str, label: str) -> str:
    """A condition under the label by which other series name the object; the reason, which changes more often, is left out."""
    series = f'trimtab_condition{{kind="{kind}",type="{type_}"}}'
    return f'max by (namespace, {label}) (label_replace({series}, "{label}", "$1", "name", "(.+)"))'


def ready_pods(place: str, where: str = "") -> str:
    return f"max by ({BY_MODEL}) (trimtab_deployment_ready_pods{{{_and(_is('place', place), where)}}})"


def expected_pods() -> str:
    """Ready pods of each version that has a place, as the operator counts them."""
    return f"max by ({BY_MODEL}, version) (trimtab_deployment_ready_pods)"


def scraped_pods() -> str:
    """Serving pods of each version that were just read; one that two jobs scrape is one."""
    return f"count by ({BY_MODEL}, version) (count by ({BY_MODEL}, version, instance) (trimtab_inference_inflight))"


def split_failing(arm: str, window: str) -> str:
    """Share of one arm's requests that came to nothing, in the split."""
    every = f'trimtab_split_requests_total{{{HERE},arm="{arm}"'
    return f'sum by ({BY_MODEL}) (rate({every},outcome="error"}}[{window}])) / sum by ({BY_MODEL}) (rate({every}}}[{window}]))'


def split_latency(arm: str, window: str) -> str:
    """Seconds inside the pod that answered: what the two arms are compared by."""
    buckets = f'rate(trimtab_split_duration_seconds_bucket{{{HERE},arm="{arm}"}}[{window}])'
    return f"histogram_quantile(0.99, sum by ({BY_MODEL}, le) ({buckets}))"


def pods(metric: str, window: str = "") -> str:
    """A measure of serving pods' processes, which Prometheus' own names have no model for."""
    series = f"rate({metric}[{window}])" if window else metric
    return f"{series} and on (instance) trimtab_inference_inflight{{{HERE}}}"


def operators(metric: str, window: str = "") -> str:
    series = f"rate({metric}[{window}])" if window else metric
    return f"{series} and on (instance) trimtab_queue_depth"


def _is(label: str, value: str) -> str:
    return f'{label}="{value}"'


def _and(*selectors: str) -> str:
    return ",".join(each for each in selectors if each)
