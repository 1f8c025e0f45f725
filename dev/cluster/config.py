"""What each part of a node is told: certificates, tokens, configuration files, and the objects every cluster starts with."""

import json
import secrets
from pathlib import Path

from layout import Cluster
from steps import run

Document = dict[str, object]

# user -> group; the token file of the API server. The roles behind these names come with Kubernetes, but for CoreDNS' (below).
USERS = {
    "admin": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
    "system:kube-proxy": "",
    "system:node:{name}": "system:nodes",
    "trimtab:coredns": "",
}


def write(it: Cluster) -> None:
    """Everything under the cluster's `etc`; identities are made once, the rest is written anew at every start."""
    etc = it.folder / "etc"
    (etc / "cni").mkdir(parents=True, exist_ok=True)
    (etc / "registries" / "_default").mkdir(parents=True, exist_ok=True)
    if not (etc / "tokens.csv").exists():
        certificates(it, etc)
        tokens(it, etc)
    for name, content in files(it).items():
        (etc / name).write_text(content if isinstance(content, str) else json.dumps(content, indent=1))


def certificates(it: Cluster, etc: Path) -> None:
    """One authority; one certificate that serves (API server and kubelet), one by which the API server calls the kubelet."""
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", it.name, "localhost")
    alternatives = [f"DNS:{name}" for name in names] + [f"IP:{ip}" for ip in (it.node_ip, it.api_ip, "127.0.0.1")]
    certificate(etc / "ca", "/CN=trimtab")
    certificate(etc / "server", f"/CN={it.name}", etc / "ca", "-addext", f"subjectAltName={','.join(alternatives)}")
    certificate(etc / "client", "/O=system:masters/CN=kube-apiserver", etc / "ca")
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", etc / "service-accounts.key")


def certificate(path: Path, subject: str, authority: Path | None = None, *extra: str) -> None:
    signer = ["-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-addext", "basicConstraints=critical,CA:FALSE"] if authority else []
    new = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650", "-subj", subject]
    run("openssl", "req", *new, "-keyout", f"{path}.key", "-out", f"{path}.crt", *signer, *extra)


def tokens(it: Cluster, etc: Path) -> None:
    rows = []
    for user, group in USERS.items():
        name, token = user.format(name=it.name), secrets.token_hex(16)
        rows.append(f'{token},{name},{name},"{group}"\n')
        path = it.kubeconfig if user == "admin" else etc / f"{user.split(':')[1]}.kubeconfig"
        path.touch(0o600)
        path.write_text(json.dumps(kubeconfig(it, name, token)))
    (etc / "tokens.csv").write_text("".join(rows))


def kubeconfig(it: Cluster, user: str, token: str) -> Document:
    cluster = {"server": f"https://{it.node_ip}:6443", "certificate-authority": str(it.folder / "etc" / "ca.crt")}
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": it.name,
        "clusters": [{"name": it.name, "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": it.name, "context": {"cluster": it.name, "user": user}}],
    }  # fmt: skip


def files(it: Cluster) -> dict[str, str | Document]:
    etc = it.folder / "etc"
    return {
        "containerd.toml": CONTAINERD.format(etc=etc),
        # Every image name is first looked up in the loopback registry, and nowhere else: what was not loaded is said at once.
        "registries/_default/hosts.toml": f'server = "http://{it.registry}"\n[host."http://{it.registry}"]\n capabilities = ["pull", "resolve"]\n',
        "cni/10-bridge.conflist": cni(it),
        "kubelet.json": kubelet(it, etc),
        "kube-proxy.json": kube_proxy(it, etc),
        "audit.json": AUDIT,
        "Corefile": COREFILE.format(kubeconfig=etc / "coredns.kubeconfig"),
        "resolv.conf": f"nameserver {it.dns_ip}\n",
    }


# What the operator writes into statuses, and nothing else, so that tests can count it.
AUDIT: Document = {
    "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
    "rules": [{"level": "Request", "verbs": ["update", "patch"], "resources": [{"group": "trimtab.dev", "resources": ["*/status"]}]}, {"level": "None"}],
}  # fmt: skip

# restrict_oom_score_adj: a virtual machine may withhold CAP_SYS_RESOURCE, and runc then dies with an EOF that explains nothing.
CONTAINERD = """version = 2
[plugins."io.containerd.grpc.v1.cri"]
 sandbox_image = "trimtab.dev/pause:1"
 restrict_oom_score_adj = true
 disable_apparmor = true
 [plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "{etc}/cni"
 [plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "{etc}/registries"
"""

# Names outside the cluster do not exist, said at once: pods have no internet here, and nothing of ours may need it.
COREFILE = """cluster.local in-addr.arpa {{
 errors
 ready :8181
 kubernetes cluster.local in-addr.arpa {{
  kubeconfig {kubeconfig}
 }}
}}
. {{
 errors
 template ANY ANY {{
  rcode NXDOMAIN
 }}
}}
"""


def cni(it: Cluster) -> Document:
    # Addresses are remembered under /run, which goes with the namespace: after a crash none stays taken.
    ipam = {"type": "host-local", "dataDir": "/run/cni", "routes": [{"dst": "0.0.0.0/0"}], "ranges": [[{"subnet": it.pods}]]}
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipam": ipam}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}]}


def kubelet(it: Cluster, etc: Path) -> Document:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "authentication": {"x509": {"clientCAFile": f"{etc}/ca.crt"}, "anonymous": {"enabled": False}, "webhook": {"enabled": True}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{etc}/server.crt", "tlsPrivateKeyFile": f"{etc}/server.key",
        "clusterDNS": [it.dns_ip], "clusterDomain": "cluster.local", "resolvConf": f"{etc}/resolv.conf",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupRoot": f"/{it.cgroup}", "cgroupDriver": "cgroupfs", "failCgroupV1": False, "enforceNodeAllocatable": [],
        "failSwapOn": False, "localStorageCapacityIsolation": False, "volumePluginDir": "/var/lib/kubelet-plugins",
        # The disk is the developer's, not the node's: nothing is evicted, and no loaded image is thrown away, because it is full.
        "evictionHard": {f"{of}.{what}": "0%" for of in ("nodefs", "imagefs") for what in ("available", "inodesFree")},
        "imagePullCredentialsVerificationPolicy": "NeverVerify",
        "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
        "maxPods": 200, "serializeImagePulls": False, "syncFrequency": "20s",
    }  # fmt: skip


def kube_proxy(it: Cluster, etc: Path) -> Document:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "iptables",
        "clientConnection": {"kubeconfig": f"{etc}/kube-proxy.kubeconfig"}, "clusterCIDR": it.pods, "hostnameOverride": it.name,
        # Connection tracking limits belong to the machine and cannot be set from a namespace.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpCloseWaitTimeout": "0s", "tcpEstablishedTimeout": "0s"},
    }  # fmt: skip


def first_objects(it: Cluster) -> str:
    """A default storage class, and the cluster's DNS as a Service whose one endpoint is the node itself."""
    system = {"name": "kube-dns", "namespace": "kube-system"}
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    role = {"kind": "ClusterRole", "name": "trimtab:coredns", "apiGroup": "rbac.authorization.k8s.io"}
    user = {"kind": "User", "name": "trimtab:coredns", "apiGroup": "rbac.authorization.k8s.io"}
    reads = [
        {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    objects: list[Document] = [
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "trimtab:coredns"}, "rules": reads},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "trimtab:coredns"},
         "roleRef": role, "subjects": [user]},
        {"apiVersion": "v1", "kind": "Service", "metadata": system, "spec": {"clusterIP": it.dns_ip, "ports": ports}},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "ports": ports,
         "metadata": {**system, "labels": {"kubernetes.io/service-name": "kube-dns"}}, "endpoints": [{"addresses": [it.node_ip]}]},
        {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "standard", "annotations": default},
         "provisioner": "kubernetes.io/host-path", "volumeBindingMode": "WaitForFirstConsumer"},
    ]  # fmt: skip
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
