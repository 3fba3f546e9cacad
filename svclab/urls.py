"""Every URL of the site, by package. The Kubernetes API (/k8s/) and the websockets are mounted in asgi.py."""

from django.urls import include, path

urlpatterns = [
    path("", include("svclab.lab.urls")),
    path("lessons/", include("svclab.lessons.urls")),
]
handler400 = "svclab.lab.apology.misunderstood"
handler404 = "svclab.lab.apology.not_found"
handler500 = "svclab.lab.apology.failed"
