"""What a run is, as digests: the recipe, the code, and the key under which its result is known for ever.

The key covers recipe, data, code and the request that asked for the run; not the worker's image, for an upgrade must
retrain nothing, and not the defaults that a newer Trimtab adds to the spec.
"""

import hashlib

from trimtab.api.trainingjob import TrainingJobSpec
from trimtab.manifests import names

NOT_THE_RECIPE = {"description", "owner", "objective", "run_policy", "queue_name", "template"}
"""Fields of the spec that change no model."""

KEY_DIGITS = 32


def recipe_digest(spec: TrainingJobSpec) -> str:
    written = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=NOT_THE_RECIPE)
    return names.digest(written)[:KEY_DIGITS]


def code_digest(text: str) -> str:
    """Of the source as the ConfigMap has it: a worker that mounts other text must not run it."""
    return hashlib.sha256(text.encode()).hexdigest()


def run_key(recipe: str, dataset_digest: str, code: str, request: str) -> str:
    return names.digest([recipe, dataset_digest, code, request])[:KEY_DIGITS]
