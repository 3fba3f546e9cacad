"""The server's front door: the Kubernetes API, the pages and the websockets, each to its own application."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "svclab.settings")
pages = get_asgi_application()  # before anything that imports models

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import re_path  # noqa: E402

from svclab.apiserver import streams  # noqa: E402
from svclab.apiserver.asgi import application as api  # noqa: E402
from svclab.lab.routing import websocket_urlpatterns  # noqa: E402
from svclab.terminal import remote  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": URLRouter([re_path(r"^k8s/", api), re_path(r"", pages)]),
        "websocket": URLRouter(
            [re_path(r"^k8s/", streams.application(remote.start)), *websocket_urlpatterns]
        ),
    }
)
