"""The chart's switch for runs that nobody asks for."""

from support.helm import named, render


def paused(*settings: str) -> str:
    pod = named(render(*settings), "Deployment", "trimtab-operator")["spec"]["template"]["spec"]
    return next(each["value"] for each in pod["containers"][0]["env"] if each["name"] == "TRIMTAB_PAUSE_AUTOMATIC_RETRAINING")


def test_a_value_pauses_all_automatic_retraining_and_by_default_none_is() -> None:
    assert (paused(), paused("retraining.paused=true")) == ("false", "true")
