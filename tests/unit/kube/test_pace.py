"""How often one object may be written before somebody else is suspected."""

from trimtab.kube.pace import Pace

POD, SERVICE, OUR_STATUS = ("pods", "default", "flights-v1-x"), ("services", "default", "flights"), ("modeldeployments/status", "default", "flights")


def test_a_child_ten_times_a_pod_thirty_and_a_status_sixty_times_a_minute():
    for target, most in ((SERVICE, 10), (POD, 30), (OUR_STATUS, 60)):
        pace = Pace(lambda: 0.0)
        for _ in range(most):
            pace.note(target)
        assert pace.thrashing([target]) is None
        pace.note(target)
        assert pace.thrashing([target]) == target


def test_a_rollout_of_twenty_steps_of_four_seconds_is_no_thrashing():
    now = 0.0
    pace = Pace(lambda: now)
    for second in range(0, 80, 2):
        now = float(second)
        pace.note(POD)
        assert pace.thrashing([POD]) is None
