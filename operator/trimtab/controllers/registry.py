"""The kinds that are looked after, one line each."""

from trimtab.controllers import dataset, deployment, driftmonitor, featureset, modelversion, trainingjob
from trimtab.kube.controller import Controller

CONTROLLERS: tuple[Controller, ...] = (
    featureset,
    dataset,
    trainingjob,
    modelversion,
    deployment,
    driftmonitor,
)

BY_KIND: dict[str, Controller] = {controller.KIND.kind: controller for controller in CONTROLLERS}
