"""A Kubernetes cluster for tests and the demo: `python3 dev/cluster VERB`.

  up  down  status          make it run, take it away with all it left, say how it is
  kubeconfig                print the path of its kubeconfig
  kubectl ...  helm ...     run the tool against it
  binaries [node|addons]    compile what is missing; print the folder that holds etcd, kube-apiserver, kubectl, helm, ...
  build-images [PART ...]   build trimtab/operator:dev, trimtab/worker:dev, trimtab/serving:dev (or those named)
  load [IMAGE ...]          make built images (all three, or those named) available in the cluster

CLUSTER=local    a real cluster in namespaces of this Linux machine; needs root, no Docker
CLUSTER=kind     kind, with Docker
CLUSTER=none     the cluster of the current kubeconfig
CLUSTER=auto     kind where Docker answers and kind is installed, else local (this is the default)
TRIMTAB_CLUSTER_NAME=trimtab    several stand side by side under different names
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import build
import images
import layout
import local
import node
from steps import CACHE, Refusal, say, stream

NAME = os.environ.get("TRIMTAB_CLUSTER_NAME") or "trimtab"


def main(words: list[str]) -> int:
    verb, rest = (words or ["help"])[0], words[1:]
    if verb == "inside":
        node.live(layout.cluster(rest[0]), Path(rest[1]))
    if verb == "binaries":
        print(build.binaries(*rest))
    elif verb in ("kubectl", "helm"):
        return tool(verb, rest)
    elif verb in VERBS:
        answer = VERBS[verb][KINDS.index(kind())](rest)
        print(answer) if isinstance(answer, str) else None
    else:
        print(__doc__)
    return 0


KINDS = ("local", "kind", "none")


def kind() -> str:
    wanted = os.environ.get("CLUSTER") or "auto"
    if wanted == "auto":
        return "kind" if shutil.which("kind") and images.docker_answers() else "local"
    if wanted not in KINDS:
        raise Refusal(f"CLUSTER is {wanted!r}; use one of {', '.join(KINDS)} or auto.")
    return wanted


def it() -> layout.Cluster:
    return layout.cluster(NAME)


def tool(name: str, arguments: list[str]) -> int:
    program = build.binaries() / name if kind() == "local" else name
    return subprocess.run([program, *arguments], check=False, env={**os.environ, "KUBECONFIG": kubeconfig()}).returncode


def kubeconfig() -> str:
    if kind() == "none":
        return os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    return str(it().kubeconfig if kind() == "local" else CACHE / "kind" / f"{NAME}.kubeconfig")


def kind_up(_: list[str]) -> None:
    Path(kubeconfig()).parent.mkdir(parents=True, exist_ok=True)
    running = subprocess.run(["kind", "get", "clusters"], check=False, capture_output=True, text=True).stdout.split()
    verb = ("export", "kubeconfig") if NAME in running else ("create", "cluster", "--config", str(images.REPOSITORY / "kind-config.yaml"))
    stream("kind", *verb, "--name", NAME, "--kubeconfig", kubeconfig())


def refuse_load(_: list[str]) -> None:
    raise Refusal("CLUSTER=none: push trimtab/operator:dev and its siblings to a registry your cluster pulls from, and name them in the chart's values.")


def nothing(_: list[str]) -> None:
    say("CLUSTER=none: the cluster is not ours to start or stop.")


# verb -> what it does for each of KINDS
VERBS = {
    "up": (lambda _: local.up(it()), kind_up, nothing),
    "down": (lambda _: local.down(it()), lambda _: stream("kind", "delete", "cluster", "--name", NAME), nothing),
    "status": (lambda _: local.status(it()), lambda _: stream("kind", "get", "nodes", "--name", NAME), nothing),
    "kubeconfig": (lambda _: kubeconfig(),) * 3,
    "load": (lambda rest: images.load(it(), rest), lambda rest: images.load_into_kind(NAME, rest), refuse_load),
    "build-images": (lambda rest: images.build_parts(rest, with_docker=False), lambda rest: images.build_parts(rest, with_docker=True),
                     lambda rest: images.build_parts(rest, with_docker=images.docker_answers())),
}  # fmt: skip


try:
    sys.exit(main(sys.argv[1:]))
except Refusal as refusal:
    say(str(refusal))
    sys.exit(1)
except KeyboardInterrupt:
    sys.exit(130)
