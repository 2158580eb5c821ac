// What Roomcast does otherwise than npm's server, on purpose, and how it shows on the wire: what Node's record says there,
// and what Roomcast's says here.
const refused = (code, message) =>
  `  cache-control: no-store\n  content-type: application/json\n{"code":${code},"message":"${message}"}`;

export const uncachedErrors = {
  what: "errors tell caches not to keep them",
  there: /^  content-type: application\/json\n(?=(  vary: .*\n)?\{"code")/gm,
  here: "  cache-control: no-store\n$&",
};

export const malformedPost = {
  what: "a malformed payload is refused, and not only the end of its session",
  there: "< 200\n  cache-control: no-store\n  content-type: text/html\nok",
  here: '< 400\n  content-type: application/json\n{"code":3,"message":"Bad request"}',
};

export const silentErrors = {
  what: "an error within a session says what it is",
  there: /^< 400\n$/m,
  here: '< 400\n  content-type: application/json\n{"code":3,"message":"Bad request"}',
};

export const silentPoll = {
  what: silentErrors.what,
  there: /^< polled: 400$/m,
  here: '$& {"code":3,"message":"Bad request"}',
};

export const methodInSession = {
  what: "a method that sessions do not have is the client's mistake, not the server's",
  there: /^< 500\n$/m,
  here: `< 400\n${refused(3, "Bad request")}`,
};

export const lineSeparator = {
  what: "U+2028 is escaped, so that JSON is JavaScript everywhere",
  there: "\u2028",
  here: "\\u2028",
};

export const preflight = {
  what: "a preflight is told of the method and the header it asks about, and that its answer depends on them",
  there: /(headers: )Content-Type,X-Token(\n.*methods: )GET,POST(\n.*\n).*expose-headers: X-Trace\n(.*\n  vary: Origin)/,
  here: "$1x-token$2POST$3$4, Access-Control-Request-Method, Access-Control-Request-Headers",
};

export const foreignOrigin = {
  what: "requests of other origins are refused, and not only left without CORS headers",
  there: /< 200\n[^]*$/,
  here: `< 403\n${refused(4, "Forbidden").replace("json\n", "json\n  vary: Origin\n")}`,
};

export const originless = {
  what: "without an allowed origin there are no CORS headers but Vary",
  there: /^  access-control-.*\n/gm,
  here: "",
};

export const websocketCookie = {
  what: "the cookie comes with a handshake over WebSocket, too",
  there: /(?=  upgrade: websocket\n[^]*"sid":"([^"]+)")/,
  here: "  set-cookie: io=$1; Path=/; HttpOnly; SameSite=Lax\n",
};

export const upgradeErrors = {
  what: "an error in answer to a WebSocket handshake is that of other requests",
  there: "  content-type: text/html\nSession ID unknown",
  here: refused(1, "Session ID unknown"),
};

export const subprotocolErrors = {
  what: upgradeErrors.what,
  there: "  content-type: text/html\nInvalid Sec-WebSocket-Protocol header",
  here: refused(3, "Bad request"),
};

export const versionInsideWebSocket = {
  what: "a WebSocket of another revision is refused before it is one",
  there: /^< 101\n  upgrade: websocket\n[^]*/m,
  here: `< 400\n${refused(5, "Unsupported protocol version")}\n< closed 1006`,
};

export const closeStatus = {
  what: "a close frame has a status: normal closure",
  there: /closed 1005/g,
  here: "closed 1000",
};

export const secondConnect = {
  what: "a second CONNECT replaces the first, and does not close the connection",
  there: /< closed 1005$/,
  here: '< 40{"sid":"<id 3>"}',
};

export const closePacket = {
  what: "CLOSE from the client ends the connection over WebSocket, too",
  there: /< 431\["still here"\]$/,
  here: "< closed 1000",
};

export const noFarewell = {
  what: "who is not there, late or out of order gets no close frame",
  there: "closed 1005",
  here: "closed 1006",
};

export const secondWebSocket = {
  what: "a second WebSocket for a session is closed as the violation that it is",
  there: "second < closed 1005",
  here: "second < closed 1002",
};

export const closeOverPolling = {
  what: "a poll learns by CLOSE that its session is being closed",
  there: "< 6\n",
  here: "< 1\n",
};

export const lastPoll = {
  what: "one more poll of a session that the client has closed is answered",
  there: /< 400\n.*\n\{"code":1.*/,
  here: "< 200\n  cache-control: no-store\n  content-type: text/plain; charset=UTF-8\n6",
};

export const script = {
  what: "JSONP is JavaScript",
  there: /text\/plain/g,
  here: "text/javascript",
};

export const fullPost = {
  what: "a POST of several packets may be 1 % longer, since stock clients reckon with too little for base64",
  there: /< 413\n$/,
  here: "< 200\n  cache-control: no-store\n  content-type: text/html\nok",
};
