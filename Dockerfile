# Three images: operator, worker, serving. Each holds the pinned packages of its own part and nothing else.
# Dependencies come before code, so that a change of code costs one small layer.

# Which pins a part needs. A stage of its own: an edit of pyproject.toml that changes no pin installs nothing again.
FROM python:3.11-slim-bookworm AS pins
WORKDIR /build
COPY pyproject.toml requirements.lock ./
COPY dev/lock.py dev/lock.py
RUN for part in operator worker serving; do python dev/lock.py subset $part > $part.txt || exit 1; done

# pip stays outside: the environment that is copied on needs none. Only wheels: no compiler runs here.
FROM python:3.11-slim-bookworm AS environment
RUN python -m venv --without-pip /opt/venv
ENV PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all: PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1

FROM environment AS operator-dependencies
COPY --from=pins /build/operator.txt /tmp/
RUN pip --python /opt/venv/bin/python install --require-hashes -r /tmp/operator.txt

FROM environment AS worker-dependencies
COPY --from=pins /build/worker.txt /tmp/
RUN pip --python /opt/venv/bin/python install --require-hashes -r /tmp/worker.txt

FROM environment AS serving-dependencies
COPY --from=pins /build/serving.txt /tmp/
RUN pip --python /opt/venv/bin/python install --require-hashes -r /tmp/serving.txt

# A numbered user, for clusters that refuse root; the root filesystem may be read-only, all writing goes to /tmp.
FROM python:3.11-slim-bookworm AS runtime
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 HOME=/tmp
WORKDIR /app

# Bytecode is compiled here, since nothing can write it later and start-up would pay for it each time.
FROM runtime AS operator
COPY --from=operator-dependencies /opt/venv /opt/venv
COPY operator/trimtab trimtab
RUN python -m compileall -q --invalidation-mode unchecked-hash /app
USER 65532:65532
ENTRYPOINT ["python", "-m", "trimtab"]

FROM runtime AS worker
COPY --from=worker-dependencies /opt/venv /opt/venv
COPY operator/trimtab trimtab
RUN python -m compileall -q --invalidation-mode unchecked-hash /app
USER 65532:65532
ENTRYPOINT ["python", "-m", "trimtab.jobs"]

FROM runtime AS serving
COPY --from=serving-dependencies /opt/venv /opt/venv
COPY operator/trimtab/__init__.py trimtab/
COPY operator/trimtab/api trimtab/api
COPY operator/trimtab/store trimtab/store
COPY operator/trimtab/stats trimtab/stats
COPY serving/trimtab_serving trimtab_serving
RUN python -m compileall -q --invalidation-mode unchecked-hash /app
USER 65532:65532
ENTRYPOINT ["python", "-m", "trimtab_serving"]
