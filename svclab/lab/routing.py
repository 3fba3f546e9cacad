"""The page's websocket."""

from django.urls import path

from svclab.lab.consumers import LabConsumer

websocket_urlpatterns = [path("ws/lab/", LabConsumer.as_asgi())]
