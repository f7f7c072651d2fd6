"""Django under WSGI, with threads: the server in front of `get_wsgi_application()`."""

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

import socketio

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="secret")  # a project has a settings module
django.setup()

sio = socketio.Server(async_mode="threading")


def index(request):
    return HttpResponse("Django")


def announce(request):
    sio.emit("announcement", request.body.decode())
    return HttpResponse(status=204)


urlpatterns = [path("", index), path("announce", announce)]


@sio.event
def chat(sid, text):
    sio.emit("chat", {"from": sid, "text": text})
    return "delivered"


app = socketio.WSGIApp(sio, get_wsgi_application())
