//! The benchmark's application on socketioxide: bench-socketioxide HOST:PORT

use axum::{routing::get, Router};
use bytes::Bytes;
use serde::Deserialize;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::SocketIo;

#[derive(Deserialize)]
struct Message {
    room: String,
    text: String,
}

// An emit fails when its socket has gone meanwhile, which is no concern here.

async fn echo(socket: SocketRef, Data(text): Data<String>) {
    socket.emit("echo", &text).ok();
}

async fn ack(Data(text): Data<String>, reply: AckSender) {
    reply.send(&text).ok();
}

async fn binary(socket: SocketRef, Data(data): Data<Bytes>) {
    socket.emit("binary", &data).ok();
}

async fn bcast(io: SocketIo, Data(text): Data<String>) {
    io.emit("bcast", &text).await.ok();
}

async fn join(socket: SocketRef, Data(room): Data<String>) {
    socket.join(room);
}

async fn leave(socket: SocketRef, Data(room): Data<String>) {
    socket.leave(room);
}

async fn room(io: SocketIo, Data(message): Data<Message>) {
    io.to(message.room).emit("room", &message.text).await.ok();
}

async fn connected(socket: SocketRef) {
    socket.on("echo", echo);
    socket.on("ack", ack);
    socket.on("binary", binary);
    socket.on("bcast", bcast);
    socket.on("join", join);
    socket.on("leave", leave);
    socket.on("room", room);
}

/// There is no garbage to collect, but the allocator can give back what is free.
async fn gauge() -> &'static str {
    unsafe { libc::malloc_trim(0) };
    "{}"
}

#[tokio::main]
async fn main() {
    let address = std::env::args().nth(1).expect("an address to listen on");
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", connected);
    let app = Router::new().route("/gauge", get(gauge)).layer(layer);
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    println!("listening");
    axum::serve(listener, app).await.unwrap();
}
