// The same against a server with recovery, which has to see whether a client comes back.
import "../strictmode.test.mjs";
