"""The workspace's URLs."""

from django.urls import path

from svclab.lab import views

urlpatterns = [
    path("", views.sandbox, name="lab"),
    path("lessons/<slug:lesson_id>/", views.lesson, name="lesson"),
    path("lab/kubeconfig", views.kubeconfig, name="kubeconfig"),
    path("lab/kubeconfig/renew", views.renew, name="kubeconfig-renew"),
    path("lab/apply", views.apply, name="apply"),
]
