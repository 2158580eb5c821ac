// The connections of server.mjs to a bus, npm's adapters and npm's emitters.
import { createAdapter as createPostgresAdapter } from "@socket.io/postgres-adapter";
import { Emitter as PostgresEmitter } from "@socket.io/postgres-emitter";
import { createAdapter as createRedisAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { Emitter as RedisEmitter } from "@socket.io/redis-emitter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import pg from "pg";
import { createClient } from "redis";

// Errors of connections are lines on stderr; the drivers connect again.
const logged = (what) => (err) => console.error(`${what}:`, err.message);

async function connectRedis({ url, driver }) {
  if (driver === "ioredis") return new Redis(url, { maxRetriesPerRequest: null }).on("error", logged("ioredis"));
  const client = createClient({ url }).on("error", logged("redis"));
  await client.connect();
  return client;
}

function connectPostgres({ url }) {
  const pool = new pg.Pool({ connectionString: url });
  pool.on("error", logged("pool"));
  pool.on("connect", (client) => client.on("error", logged("pg")));
  return pool;
}

// patient makes npm's adapters wait for the descriptions of sockets for longer than 5 s: the machine may have much to do.
function patient(create) {
  return function (nsp) {
    const adapter = create(nsp);
    const fetchSockets = adapter.fetchSockets.bind(adapter);
    adapter.fetchSockets = (opts) => fetchSockets({ ...opts, flags: { timeout: 60_000, ...opts.flags } });
    return adapter;
  };
}

// createBus returns the connections that the configuration asks for, and the adapter on them.
export async function createBus(config) {
  const bus = await createPlainBus(config);
  return { ...bus, ...(bus.adapter && { adapter: patient(bus.adapter) }) };
}

async function createPlainBus(config) {
  const { adapter, options = {} } = config;
  switch (adapter) {
    case undefined:
      return {};
    case "postgres": {
      const pool = connectPostgres(config);
      return { pool, adapter: createPostgresAdapter(pool, { errorHandler: logged("postgres-adapter"), ...options }) };
    }
    case "redis-streams": {
      const redis = await connectRedis(config);
      return { redis, adapter: createStreamsAdapter(redis, options) };
    }
    case "redis":
    case "redis-sharded": {
      const redis = await connectRedis(config);
      const sub = await connectRedis(config);
      const create = adapter === "redis" ? createRedisAdapter : createShardedAdapter;
      return { redis, sub, adapter: create(redis, sub, { requestsTimeout: 60_000, ...options }) };
    }
    default:
      throw new Error(`no adapter ${adapter}`);
  }
}

// createEmitter returns npm's emitter on the connection of the bus. Redis's emitter speaks to classic adapters only.
export function createEmitter(bus, nsp, options) {
  if (bus.pool) return new PostgresEmitter(bus.pool, nsp, options);
  return new RedisEmitter(bus.redis, { ...options }, nsp);
}
