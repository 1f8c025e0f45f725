"""The resources of trimtab.dev as pydantic models: what CRDs, operator, worker, command line and docs are made from."""
