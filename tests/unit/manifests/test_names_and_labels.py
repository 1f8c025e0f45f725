"""Names are functions of what they name; labels say whose a child is."""

from hypothesis import given
from hypothesis import strategies as st

from trimtab.manifests import labels, names

OWNER = labels.Owner("Dataset", "team-a", "flights", "uid-1")
dns = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?\Z")


def test_a_job_is_named_by_owner_key_and_attempt():
    assert names.job("flights", "0123456789abcdef", 3) == "flights-01234567-3"


def test_a_version_and_its_serving_children_carry_the_number():
    assert names.model_version("flights", 7) == "flights-v7"
    assert names.serving("flights", 7) == "flights-v7"


def test_clients_meet_one_name_whatever_version_answers():
    assert names.client_service("flights") == "flights"


@given(owner=dns, attempt=st.integers(1, 10_000))
def test_a_job_name_always_fits_the_label_its_pods_carry(owner, attempt):
    name = names.job(owner, "a" * 64, attempt)
    assert len(name) <= names.LIMIT
    assert name.endswith(f"-aaaaaaaa-{attempt}")


def test_two_long_owners_with_one_beginning_keep_different_names():
    assert names.job("a" * 51 + "b", "k" * 8, 100) != names.job("a" * 51 + "c", "k" * 8, 100)


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert names.digest({"a": 1, "b": [2]}) == names.digest({"b": [2], "a": 1})


def test_a_child_says_whose_it_is_and_what_it_is_for():
    assert labels.labels(OWNER, verb="snapshot") == {
        "trimtab.dev/owner-uid": "uid-1",
        "trimtab.dev/owner-kind": "Dataset",
        "trimtab.dev/owner-name": "flights",
        "trimtab.dev/verb": "snapshot",
        "app.kubernetes.io/managed-by": "trimtab",
    }


def test_the_owner_reference_lets_garbage_collection_take_the_child():
    assert labels.reference(OWNER)["controller"] is True
    assert labels.reference(OWNER)["uid"] == "uid-1"
