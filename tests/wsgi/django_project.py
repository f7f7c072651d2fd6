"""A Django project in one file: its settings and its routes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

ROOT_URLCONF = __name__
SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS: list[str] = []
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
USE_TZ = True


def index(request: HttpRequest) -> HttpResponse:
    return HttpResponse("index of django")


@csrf_exempt
def double(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"twice": request.body.decode() * 2})


urlpatterns = [path("", index), path("double", double)]
