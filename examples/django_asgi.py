"""Django under ASGI: the server in front of `get_asgi_application()`."""

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path

import socketio

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="secret")  # a project has a settings module
django.setup()

sio = socketio.AsyncServer()


async def index(request):
    return HttpResponse("Django")


async def announce(request):
    await sio.emit("announcement", request.body.decode())
    return HttpResponse(status=204)


urlpatterns = [path("", index), path("announce", announce)]


@sio.event
async def chat(sid, text):
    await sio.emit("chat", {"from": sid, "text": text})
    return "delivered"


app = socketio.ASGIApp(sio, get_asgi_application())
