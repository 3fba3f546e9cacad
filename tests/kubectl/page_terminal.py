"""A learner's terminal at a new cluster of a running server, for tests that compare it with a real kubectl.

Run with SVCLAB_VAR of that server, and its address. Prints a kubeconfig for the cluster as a JSON text on one line;
then reads command lines, each a JSON text on a line of its own, and answers each with standard output, standard
error and exit code in a line of JSON.
"""

import json
import os
import sys

import django


def main(server: str) -> None:
    """Answer until standard input ends."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "svclab.settings"
    django.setup()
    # Django's models exist only after its setup.
    from svclab.apiserver.kubeconfig import kubeconfig
    from svclab.cluster.access import renew_secret
    from svclab.cluster.lifecycle import new_cluster
    from svclab.terminal.session import Session
    from svclab.terminal.streams import TextInput

    cluster = new_cluster("compared", random_seed="compared")
    _answer(kubeconfig(cluster.id, renew_secret(cluster.id), server))
    session = Session(cluster, "compared", columns=200)
    for line in sys.stdin:
        out: list[str] = []
        err: list[str] = []
        code = session.run(json.loads(line), out.append, err=err.append, stdin=TextInput(""), tty=False)
        _answer(["".join(out), "".join(err), code])


def _answer(document: object) -> None:
    print(json.dumps(document), flush=True)  # noqa: T201 (whoever started this reads it)


if __name__ == "__main__":
    main(sys.argv[1])
