"""The benchmark's application on python-socketio with uvicorn: server.py HOST:PORT"""

import gc
import sys

import socketio
import uvicorn

io = socketio.AsyncServer(async_mode="asgi", async_handlers=False)  # or else events lose their order


async def collect(scope, receive, send):
    """Answers the request for a garbage collection."""
    gc.collect()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


@io.event
async def echo(sid, text):
    await io.emit("echo", text, to=sid)


@io.event
async def ack(sid, text):
    return text


@io.event
async def binary(sid, data):
    await io.emit("binary", data, to=sid)


@io.event
async def bcast(sid, text):
    await io.emit("bcast", text)


@io.event
async def join(sid, room):
    await io.enter_room(sid, room)


@io.event
async def leave(sid, room):
    await io.leave_room(sid, room)


@io.event
async def room(sid, message):
    await io.emit("room", message["text"], room=message["room"])


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print("listening", flush=True)


host, port = sys.argv[1].split(":")
Server(uvicorn.Config(
    socketio.ASGIApp(io, collect), host=host, port=int(port), backlog=4096, lifespan="off",
    loop="uvloop", http="httptools", ws="websockets-sansio", ws_per_message_deflate=False, access_log=False, log_level="error",
)).run()
