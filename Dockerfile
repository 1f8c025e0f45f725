# Three images: operator, worker, serving. Each holds the pinned packages of its own part and nothing else.
# Dependencies come before code, so that a change of code costs one small layer.

# Which pins a part needs. A stage of its own: an edit of pyproject.toml that changes no pin installs nothing again.
FROM python:3.11-slim-bookworm AS pins
WORKDIR /build
COPY pyproject.toml requirements.lock ./
COPY dev/lock.py dev/lock.py
RUN for part in operator worker serving; do python dev/lock.py subset $part > $part.txt || exit 1; done

# The environment has no pip of its own, keeps no cache, and takes only wheels, so no compiler is needed. The images stand on it
# directly: to copy it on from a stage would mean to read a gigabyte at every build only to see that nothing changed.
# A numbered user, for clusters that refuse root; the root filesystem may be read-only, all writing goes to /tmp.
FROM python:3.11-slim-bookworm AS runtime
RUN python -m venv --without-pip /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 HOME=/tmp
WORKDIR /app

# Bytecode is compiled here, since nothing can write it later and start-up would pay for it each time.
FROM runtime AS operator
COPY --from=pins /build/operator.txt /opt/
RUN pip --python /opt/venv/bin/python install --no-cache-dir --only-binary :all: --require-hashes -r /opt/operator.txt
COPY operator/trimtab trimtab
RUN python -m compileall -q --invalidation-mode unchecked-hash /app
USER 65532:65532
ENTRYPOINT ["python", "-m", "trimtab"]

FROM runtime AS worker
COPY --from=pins /build/worker.txt /opt/
RUN pip --python /opt/venv/bin/python install --no-cache-dir --only-binary :all: --require-hashes -r /opt/worker.txt
COPY operator/trimtab trimtab
RUN python -m compileall -q --invalidation-mode unchecked-hash /app
USER 65532:65532
ENTRYPOINT ["python", "-m", "trimtab.jobs"]

FROM runtime AS serving
COPY --from=pins /build/serving.txt /opt/
RUN pip --python /opt/venv/bin/python install --no-cache-dir --only-binary :all: --require-hashes -r /opt/serving.txt
COPY operator/trimtab/__init__.py trimtab/
COPY operator/trimtab/api trimtab/api
COPY operator/trimtab/store trimtab/store
COPY operator/trimtab/stats trimtab/stats
COPY serving/trimtab_serving trimtab_serving
RUN python -m compileall -q --invalidation-mode unchecked-hash /app
USER 65532:65532
ENTRYPOINT ["python", "-m", "trimtab_serving"]
