"""What every spec promises, whatever is written in it."""

import pytest
from pydantic import ValidationError

from trimtab.api.trainingjob import TrainingJobSpec


def test_what_does_not_fit_is_told_without_its_value() -> None:
    env = [{"name": "TOKEN", "value": "s3cr3t"}]
    spec = {"dataset": "flights", "template": {"spec": {"containers": [{"env": env, "surprise": "s3cr3t"}]}}, "seed": "s3cr3t"}
    with pytest.raises(ValidationError) as told:
        TrainingJobSpec.model_validate(spec)
    assert "template.spec.containers.0.surprise" in str(told.value)
    assert "s3cr3t" not in str(told.value)
