"""Every URL of the site, by package."""

urlpatterns: list = []
