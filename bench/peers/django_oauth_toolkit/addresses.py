"""The addresses of Django OAuth Toolkit, where its documentation puts them."""

from django.urls import include, path

urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]
