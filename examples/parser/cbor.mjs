// The parser of cbor.go for socket.io-client.
import { Emitter } from "@socket.io/component-emitter";
import * as cbor from "cbor2";

export class Encoder {
  encode({ type, nsp, id, data }) {
    const packet = { type, nsp };
    if (id !== undefined) packet.id = id;
    if (data !== undefined) packet.data = data;
    return [cbor.encode(packet)];
  }
}

export class Decoder extends Emitter {
  add(message) {
    const bytes = message instanceof ArrayBuffer ? new Uint8Array(message) : message; // browsers have the former
    this.emitReserved("decoded", cbor.decode(bytes));
  }

  destroy() {}
}
