/* While a worker has jobs of ours it is asked every half second whether it lives. One that is silent for VIGIL_SILENT_MS is given
 * up with all its jobs, which are done elsewhere: with the time-out of an idle connection (net/peer) a machine that froze would
 * cost each of them that much more.
 *
 * Not while much goes up: then the question waits behind it in the socket, and only the long time-out is fair. Nor while it is
 * asked for a compiler: one that it has not looked at yet is read as a whole, some hundred MB, before it hears anything else. */
#include "agent/agent.h"
#include "agent/link.h"
#include "agent/link_state.h"
#include "agent/remote.h"
#include "net/peer.h"
#include "sys/loop.h"
#include "wire/message.h"

enum {
	VIGIL_TICK_MS = 500,
	VIGIL_SILENT_MS = 4000,
	VIGIL_BULK_MS = 10000, /* how long after that the silence does not count */
	VIGIL_BULK_BYTES = 64 << 10
};

static void give_up(struct link *l)
{
	struct remote *r = l->remote;

	link_close(l);
	r->link = NULL;
	remote_down(r, "it does not answer while it has jobs");
}

/* While more waits in our buffer than the socket takes, what goes out is what the line can do. */
static void measure(struct link *l, uint64_t out, nsec now)
{
	struct remote *r = l->remote;
	bool full = peer_backlog(l->peer) > VIGIL_BULK_BYTES;
	nsec passed = now - l->vigil_looked;

	if (full && l->vigil_full && passed > 0) {
		double rate = (double)(out - l->vigil_out) / (double)passed * 1e9;

		r->bytes_per_s = r->bytes_per_s ? (uint64_t)(rate / 2) + r->bytes_per_s / 2
						: (uint64_t)rate + 1;
	}
	l->vigil_full = full;
	r->rtt = peer_rtt(l->peer);
	agent_sched(r->agent, (struct sched_event){.type = SCHED_LINK,
						   .worker = r->id,
						   .rtt = r->rtt,
						   .bytes_per_s = r->bytes_per_s,
						   .bytes = out});
}

static void look(struct link *l)
{
	uint64_t in = peer_bytes_in(l->peer), out = peer_bytes_out(l->peer);
	nsec now = loop_now();

	measure(l, out, now);
	/* A clock that jumped over several ticks tells that it was we who slept. */
	if (in != l->vigil_in || now - l->vigil_looked > LOOP_MS(4 * VIGIL_TICK_MS))
		l->vigil_heard = now;
	if (out - l->vigil_out > VIGIL_BULK_BYTES ||
	    peer_backlog(l->peer) > VIGIL_BULK_BYTES || l->asked > 0)
		l->vigil_bulk = now;
	l->vigil_in = in;
	l->vigil_looked = now;
}

static void on_tick(void *ctx)
{
	struct link *l = ctx;
	AUTO_BUF struct buf b = {0};

	look(l);
	if (l->remote->running == 0)
		return; /* begun again with the next job */
	nsec now = l->vigil_looked;

	if (now - l->vigil_heard >= LOOP_MS(VIGIL_SILENT_MS) &&
	    now - l->vigil_bulk >= LOOP_MS(VIGIL_BULK_MS)) {
		give_up(l);
		return;
	}
	message_put_ping(&b, &(struct message_ping){(uint64_t)l->vigil_looked});
	peer_send(l->peer, &b);
	l->vigil_out = peer_bytes_out(l->peer);
	loop_timer_set(l->vigil, LOOP_MS(VIGIL_TICK_MS));
}

void link_watch(struct link *l)
{
	if (!l->vigil)
		l->vigil = loop_timer_new(l->remote->agent->loop, on_tick, l);
	nsec now = loop_now();

	if (now - l->vigil_looked <= LOOP_MS(2 * VIGIL_TICK_MS))
		return; /* it runs */
	l->vigil_heard = l->vigil_looked = now;
	l->vigil_in = peer_bytes_in(l->peer);
	l->vigil_out = peer_bytes_out(l->peer);
	loop_timer_set(l->vigil, LOOP_MS(VIGIL_TICK_MS));
}

void link_watch_end(struct link *l)
{
	loop_timer_free(l->vigil);
	l->vigil = NULL;
}
