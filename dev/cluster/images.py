"""Images: built by buildah from the ordinary Dockerfile, pushed to the cluster's loopback registry, pulled into its containerd.

A push carries only layers the registry lacks, so that a change of code is running seconds later. With Docker at hand the same
verbs use `docker build` and `kind load`.
"""

import os
import shutil
import tempfile
from pathlib import Path

from layout import Cluster
from steps import CACHE, Refusal, install_missing, locked, run, step, stream, watch

REPOSITORY = Path(__file__).parents[2]
PARTS = ("operator", "worker", "serving")
BASE = "docker.io/library/python:3.11-slim-bookworm"
STORE = CACHE / "images"
# Images of ours that are one static binary: name -> (program, its path inside)
ONE_BINARY = {
    "trimtab.dev/pause:1": ("pause", "/pause"),
    "docker.io/versity/versitygw:v1.8.0": ("versitygw", "/usr/local/bin/versitygw"),
}
# Where a mirror's certificates and index are set on this machine; they go into the base, never into the Dockerfile.
CERTIFICATES, PIP_SETTINGS = Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pip.conf")


def name_of(part: str) -> str:
    return f"docker.io/trimtab/{part}:dev"


def full_name(image: str) -> str:
    """`trimtab/operator:dev` as containerd and buildah spell it."""
    first, _, rest = image.partition("/")
    if rest and ("." in first or ":" in first or first == "localhost"):
        return image
    return f"docker.io/{image}" if rest else f"docker.io/library/{image}"


def buildah(*arguments: str | Path) -> str:
    return run("buildah", *place(), *arguments).strip()


def place() -> tuple[str, ...]:
    STORE.mkdir(parents=True, exist_ok=True)
    return ("--root", str(STORE / "storage"), "--runroot", str(STORE / "run"))


def build_parts(parts: list[str], with_docker: bool) -> None:
    if unknown := set(parts) - set(PARTS):
        raise Refusal(f"There is no image {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}.")
    with locked("images"):
        if not with_docker:
            install_missing()
            make_base()
        for part in parts or PARTS:
            with step(f"building {name_of(part)}"):
                build_with_docker(part) if with_docker else build_with_buildah(part)


def build_with_docker(part: str) -> None:
    stream("docker", "build", "--target", part, "--tag", f"trimtab/{part}:dev", REPOSITORY)


def build_with_buildah(part: str) -> None:
    how = ("--pull-never", "--layers", "--isolation", "chroot", "--network", "host", "--format", "docker")
    watch("buildah", *place(), "bud", *how, "--target", part, "--tag", name_of(part), REPOSITORY, worth=": RUN ")


def make_base() -> None:
    """The image the Dockerfile starts from, made of Debian's packages: no registry of images is asked for anything."""
    if exists(BASE):
        return
    with step(f"making {BASE} from Debian packages (once; 2 minutes)"), tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "base.tar")
        run("mmdebstrap", "--variant=minbase", "--include=python3,python3-venv,python3-pip,ca-certificates", *hooks(), "bookworm", archive)
        settings = [word for name in ("PIP_CERT", "SSL_CERT_FILE") for word in ("--env", f"{name}={CERTIFICATES}")]
        commit(BASE, archive, "/", *settings, "--cmd", "python3")


def hooks() -> list[str]:
    """Make Debian's Python look like the public image's: `python` and `pip` in /usr/local/bin, and pip allowed to install."""
    links = " ".join(f"ln -s /usr/bin/{target} $1/usr/local/bin/{name};" for name, target in
                     {"python": "python3", "python3": "python3", "pip": "pip3"}.items())  # fmt: skip
    said = [links, "rm -f $1/usr/lib/python3*/EXTERNALLY-MANAGED; rm -rf $1/var/lib/apt/lists/* $1/var/cache/apt/*"]
    said += [f"cp {file} $1{file}" for file in (CERTIFICATES, PIP_SETTINGS) if file.exists()]
    return [f"--customize-hook={line}" for line in said]


def commit(image: str, content: Path, inside: str, *settings: str) -> None:
    container = buildah("from", "scratch")
    buildah("add", "--quiet", container, content, inside)
    buildah("config", *settings, container)
    buildah("commit", "--quiet", "--rm", "--format", "docker", container, image)


def exists(image: str) -> bool:
    return full_name(image) in buildah("images", "--format", "{{.Name}}:{{.Tag}}").split()


def load_own(it: Cluster, binaries: Path) -> None:
    """The pause image, without which no pod starts, and the object store that examples and tests use."""
    present = ctr(it, "images", "list", "--quiet").split()
    for image, (program, inside) in ONE_BINARY.items():
        binary = (binaries / program).resolve()
        archive = STORE / f"{program}-{binary.parent.name}.tar"
        with locked("images"):
            if not archive.exists():
                pack(image, binary, inside, archive)
        if image not in present:
            ctr(it, "images", "import", str(archive))


def pack(image: str, binary: Path, inside: str, archive: Path) -> None:
    commit(image, binary, inside, "--entrypoint", f'["{inside}"]')
    draft = archive.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    buildah("push", "--quiet", image, f"docker-archive:{draft}:{image}")
    draft.rename(archive)


def load(it: Cluster, chosen: list[str]) -> None:
    """Push to the registry of the cluster, then have its containerd pull, so that a pod of it starts at once."""
    for image in [full_name(image) for image in chosen] or [name_of(part) for part in PARTS if exists(name_of(part))]:
        if image == BASE:
            make_base()
        if not exists(image):
            raise Refusal(f"There is no image {image} to load; build it first (build-images).")
        with step(f"loading {image}"):
            path = image.partition("/")[2]
            buildah("push", "--quiet", "--tls-verify=false", image, f"docker://{it.registry}/{path}")
            ctr(it, "images", "pull", "--hosts-dir", str(it.folder / "etc" / "registries"), image)


def ctr(it: Cluster, *arguments: str) -> str:
    outside = (it.folder / "pid").read_text()
    inside = Path(f"/proc/{outside}/task/{outside}/children").read_text().split()[0]
    return run("nsenter", "--target", inside, "--mount", "--net", "--pid", "ctr", "--namespace", "k8s.io", *arguments)


def load_into_kind(name: str, chosen: list[str]) -> None:
    for image in chosen or [f"trimtab/{part}:dev" for part in PARTS]:
        if full_name(image) == BASE:
            continue  # kind's node pulls public images by itself
        with step(f"loading {image}"):
            stream("kind", "load", "docker-image", image, "--name", name)


def docker_answers() -> bool:
    return bool(shutil.which("docker")) and os.system("docker info >/dev/null 2>&1") == 0
