"""The lessons' own URLs; one lesson's page is mounted by the lab."""

from django.urls import path

from svclab.lessons import views

app_name = "lessons"
urlpatterns = [
    path("", views.index, name="index"),
    path("map", views.standing, name="map"),
    path("<slug:lesson_id>/predict", views.predict, name="predict"),
    path("<slug:lesson_id>/start", views.prepare, name="start"),
    path("<slug:lesson_id>/ground", views.ground, name="ground"),
    path("<slug:lesson_id>/file", views.save, name="file"),
    path("<slug:lesson_id>/checks", views.checks, name="checks"),
]
