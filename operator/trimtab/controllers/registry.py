"""The kinds that are looked after, one line each."""

from trimtab.controllers import deployment, modelversion
from trimtab.kube.controller import Controller

CONTROLLERS: tuple[Controller, ...] = (
    modelversion,
    deployment,
)

BY_KIND: dict[str, Controller] = {controller.KIND.kind: controller for controller in CONTROLLERS}
