//go:build linux

package chatbench

// A row is what the benchmark measures together.
type row struct {
	name   string
	does   string
	run    func(m *meter)
	goals  []goal
	smoke  bool // is a test, too
	rounds []map[string]float64
}

// A goal is what a figure should be.
type goal struct {
	figure string
	most   float64 // or least, if that is not 0
	least  float64
	why    string // it is missed, if it is
}

const whyCPU = "the query for the client's rooms takes 0.07 ms, and the writes of its six events a fifth"

const (
	whyPage = "by a tenth, in two rounds; most pages take less than 1 ms"
	whyPair = "two servers, Postgres and the clients share two cores"
)

var rows = []*row{
	{
		name: "posts", does: "256 posters in 100 rooms with 10 followers each, one post each on its way, SQLite with FULL; bare: the store alone, in batches of 256",
		run: func(m *meter) { posts(m, false) }, smoke: true,
		goals: []goal{{figure: "posts/s", least: 6000}, {figure: "of bare", least: 0.35}, {figure: "p99 ms", most: 80}},
	},
	{name: "posts-filter", does: "the same with a BeforePost that allows everything", run: func(m *meter) { posts(m, true) }},
	{
		name: "alone", does: "one poster of an idle server, from post to ack",
		run: alone, goals: []goal{{figure: "p50 beyond sync ms", most: 0.3, why: "beside the sync, a commit of one post takes 0.18 ms of CPU in the Go build of SQLite, spread evenly over its statements"}},
	},
	{
		name: "fanout", does: "from the end of the transaction to the arrival at the last of 1,000 followers",
		run: fanout, goals: []goal{{figure: "p99 ms", most: 5, why: "1,000 writes take 6 µs each on one core, and the clients need the other"}},
	},
	{
		name: "large", does: "one room with 10,000 followers, 50 posts a second; p99 is from post to arrival, cores are the server's",
		run: large, goals: []goal{{figure: "cores", most: 1}, {figure: "p99 ms", most: 150, why: "the clients share two cores with the server"}, {figure: "heap growth MiB", most: 8}},
	},
	{
		name: "history-sqlite", does: "pages of 50 of a room with 1,000,000 messages, from event to reply",
		run: historySQLite, goals: []goal{{figure: "p99 ms", most: 2, why: whyPage}},
	},
	{name: "history-postgres", does: "the same from Postgres", run: historyPostgres, goals: []goal{{figure: "p99 ms", most: 4}}},
	{
		name: "reconnect", does: "10,000 clients in 5 of 1,000 rooms each come back at once, and have missed 20 messages of each; others have stayed",
		run: reconnect, smoke: true,
		goals: []goal{{figure: "s", most: 10}, {figure: "CPU ms/client", most: 0.5, why: whyCPU}, {figure: "reads/client", most: 1}, {figure: "other reads/room", most: 0.01}},
	},
	{
		name: "restart", does: "the same after a restart of the server", run: restart,
		goals: []goal{{figure: "s", most: 10}, {figure: "CPU ms/client", most: 0.5, why: whyCPU}, {figure: "reads/client", most: 1}, {figure: "other reads/room", most: 1.01}},
	},
	{
		name: "away", does: "1,000 clients in 5 of 100 rooms each come back when each of their rooms has 180 new messages, and no server has followed it meanwhile",
		run: away, goals: []goal{{figure: "reads/client", most: 1}, {figure: "other reads/client and room", most: 1}},
	},
	{name: "ready", does: "the unread counts of 200 rooms, from connecting on", run: ready, goals: []goal{{figure: "reads", most: 1}}},
	{name: "flap", does: "10,000 users lose their connections for 3 s, twice; 100 others watch them", run: flap, goals: []goal{{figure: "events", most: 0}}},
	{name: "idle", does: "heap of the server for each follower of a room with 100, beyond that of a socket without a chat that has sent the same auth", run: idle, goals: []goal{{figure: "bytes beyond", most: 200, why: "a member is known by its socket, its user, its presence and its rooms, and is in two rooms of the server"}}},
	{
		name: "postgres", does: "posts on two servers with one Postgres, half of the clients on each", run: postgresPair,
		goals: []goal{{figure: "posts/s", least: 5000, why: whyPair}},
	},
}
