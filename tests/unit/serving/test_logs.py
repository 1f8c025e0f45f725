"""A log line is JSON, and holds nothing that a client sent or a Secret holds."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]

PROGRAM = """
import json, logging, structlog
from trimtab_serving import logs

def fails(body, secret_key):
    raise ValueError("went wrong")

logs.configure()
try:
    fails("what a client sent", "s3cr3t")
except ValueError:
    structlog.get_logger().exception("request.failed", request_id="order-7")
logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
"""


def test_a_traceback_shows_the_error_and_no_variables() -> None:
    path = f"{REPOSITORY / 'operator'}:{REPOSITORY / 'serving'}"
    done = subprocess.run([sys.executable, "-c", PROGRAM], env={"PYTHONPATH": path}, capture_output=True, text=True, check=True)
    ours, theirs = done.stdout.splitlines()[0], done.stderr.splitlines()[0]
    assert '"request_id": "order-7"' in ours
    assert "went wrong" in ours
    assert "what a client sent" not in ours
    assert "s3cr3t" not in ours
    assert '"event": "Invalid HTTP request received."' in theirs
