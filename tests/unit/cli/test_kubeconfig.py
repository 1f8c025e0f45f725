"""A kubeconfig as kubectl reads it: contexts, merging, credentials; and what is said of one that does not work."""

import base64
import json
import sys

import pytest

from trimtab.cli.access.kubeconfig import Place, find, from_config, merged
from trimtab.cli.errors import NoCluster, Usage


def config(user: dict | None = None, **cluster) -> dict:
    return {
        "current-context": "one",
        "clusters": [{"name": "c", "cluster": {"server": "http://c:1"} | cluster}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "team"}}, {"name": "two", "context": {"cluster": "c"}}],
    }


def test_the_current_context_says_server_and_namespace():
    access = from_config(config(), Place())
    assert (access.server, access.namespace, access.context) == ("http://c:1", "team", "one")


def test_the_command_line_wins():
    assert from_config(config(), Place(namespace="mine")).namespace == "mine"
    assert from_config(config(), Place(context="two")).namespace == "default"


def test_an_unknown_context_names_those_there_are():
    with pytest.raises(Usage, match="no context 'three'; it has one, two"):
        from_config(config(), Place(context="three"))


@pytest.mark.parametrize(
    ("user", "header"),
    [({"token": "t"}, "Bearer t"), ({"username": "a", "password": "b"}, "Basic " + base64.b64encode(b"a:b").decode()), ({}, None)],
)
def test_who_we_are_goes_as_a_header(user, header):
    assert from_config(config(user), Place()).headers.get("Authorization") == header


def test_a_token_in_a_file_is_read_and_its_path_counts_from_the_kubeconfig(tmp_path):
    (tmp_path / "token").write_text("t\n")
    (tmp_path / "config").write_text(json.dumps(config({"tokenFile": "token"})))
    assert find(Place(kubeconfig=str(tmp_path / "config"))).headers["Authorization"] == "Bearer t"


def test_a_login_plugin_is_asked(tmp_path):
    answer = {"status": {"token": "fresh"}}
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": ["-c", f"print('{json.dumps(answer)}')"]}
    assert from_config(config({"exec": plugin}), Place()).headers["Authorization"] == "Bearer fresh"


def test_a_login_plugin_that_fails_is_a_sentence():
    plugin = {"command": sys.executable, "args": ["-c", "import sys; sys.exit('no login today')"]}
    with pytest.raises(NoCluster, match="no login today"):
        from_config(config({"exec": plugin}), Place())


def test_of_several_files_the_first_to_say_something_wins(tmp_path):
    other = {"current-context": "two", "clusters": [{"name": "c", "cluster": {"server": "http://other:1"}}]}
    assert from_config(merged([(tmp_path, config()), (tmp_path, other)]), Place()).server == "http://c:1"


def test_a_certificate_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(NoCluster, match="cannot be read"):
        from_config(config(server="https://c:1", **{"certificate-authority": str(tmp_path / "none")}), Place())
