"""The operator's own metrics, each declared once; who measures imports it from here."""

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter("trimtab_reconcile_total", "Reconciles by their outcome.", ["kind", "outcome"])
RECONCILE_SECONDS = Histogram("trimtab_reconcile_duration_seconds", "Time one reconcile takes.", ["kind"])
API_REQUESTS = Counter("trimtab_api_requests_total", "Requests to the API server and scrapes of pods; code 0 means no answer.", ["verb", "code"])
QUEUE_DEPTH = Gauge("trimtab_queue_depth", "Objects that are due and wait for a free worker.")
QUEUE_OLDEST = Gauge("trimtab_queue_oldest_seconds", "How long the oldest object has been due or under way.")
