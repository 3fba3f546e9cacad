"""The file by which a real kubectl finds a learner's cluster."""

from uuid import UUID

_PATH = "/k8s/"


def kubeconfig(cluster_id: UUID, secret: str, server: str) -> str:
    """A kubeconfig that opens this cluster alone, for a server at `server` (scheme, host and port).

    Over http the secret in the URL is all there is; over https it is a bearer token as well.
    """
    name = f"svclab-{str(cluster_id)[:8]}"
    token = f"    token: {secret}\n" if server.startswith("https://") else ""
    user = f"users:\n- name: learner\n  user:\n{token}" if token else "users: []\n"
    as_user = "    user: learner\n" if token else ""
    return (
        "apiVersion: v1\nkind: Config\n"
        f"clusters:\n- name: {name}\n  cluster:\n    server: {server.rstrip('/')}{_PATH}{secret}\n"
        f"contexts:\n- name: {name}\n  context:\n    cluster: {name}\n{as_user}"
        f"current-context: {name}\n{user}"
    )
