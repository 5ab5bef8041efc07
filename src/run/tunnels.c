/* Each tunnel is one ssh client, which forwards two local ports (of the daemon and of
 * its page of statistics):
 *
 *   STARTING ─► STANDS ─► AGAIN ─► STARTING …  it ended; the timer starts it again, same ports
 *      │ └────► STARTING     a port was taken meanwhile: others, TUNNELS_TRIES times
 *      └──────► FAILED       it ended or was too slow before it had ever stood
 *
 * That it stands is told by ssh itself: it runs its LocalCommand when it has been let in
 * and listens on the ports. So it is never a stranger's port that is used, even though
 * the ports were free for a moment between choice and use.
 *
 * It has a connection of its own (ControlPath=none): a forwarding that is asked of a
 * shared one stays there when the client has ended, and a client that becomes the master
 * may go on in the background. Hence killing it ends all of it, and the kernel does so
 * should we be killed.
 *
 * A forwarding of the user's own configuration that cannot be had, since another session
 * has it, must not keep ours from standing: then it is started once more without
 * ExitOnForwardFailure (LENIENT), and what ssh says of our ports decides. */
#include "run/tunnels.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/child.h"
#include "sys/loop.h"
#include "sys/spawn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STANDS_WORD "muster-tunnel-stands"

enum {
	SAID_MAX = 8192, /* of what ssh says, the last bytes */
	LINE_MAX_CITED = 200
};

static const nsec pause_min = LOOP_MS(500), pause_max = LOOP_MS(10000);

enum tunnel_state {
	STARTING,
	STANDS,
	AGAIN,
	FAILED
};

struct tunnel {
	struct tunnels *all;
	const struct autohost *host;
	enum tunnel_state state;
	unsigned port, stats_port; /* local */
	char address[32];          /* "127.0.0.1:PORT" */
	bool stood;                /* once at least: the ports are fixed */
	bool lenient;
	unsigned tries;
	struct child *child;

	struct stream {
		int fd; /* -1: closed */
		struct loop_watch *watch;
		struct buf text; /* the last SAID_MAX bytes */
	} out, err;
	struct loop_timer *again;
	nsec pause;
	struct err why; /* FAILED */
};

struct tunnels {
	struct loop *loop;
	struct arena *arena;
	struct strv ssh; /* the program and its first options */
	bool waiting;
	struct tunnel **v; /* NULL: not an ssh host */
	size_t n;
};

static void tunnel_start(struct tunnel *);
static void on_out(void *ctx, unsigned got);
static void on_err(void *ctx, unsigned got);
static void on_end(void *ctx, int status);

/* ---- ports ---- */

/* A socket on a free port of 127.0.0.1, which is put into *PORT; -1. */
static int claim_port(unsigned *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
	    getsockname(fd, (struct sockaddr *)&a, &n) == 0) {
		*port = ntohs(a.sin_port);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static int choose_ports(struct tunnel *t)
{
	AUTO_FD int one = claim_port(&t->port), other = claim_port(&t->stats_port);

	if (one < 0 || other < 0)
		return err_set(&t->why, errno, "find a free port of 127.0.0.1");
	snprintf(t->address, sizeof t->address, "127.0.0.1:%u", t->port);
	return 0;
}

/* ---- what ssh says ---- */

static void stream_close(struct stream *s)
{
	loop_unwatch(s->watch);
	s->watch = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* Takes what is there; closes it at its end. */
static void stream_take(struct stream *s)
{
	char chunk[1024];
	ssize_t n = -1;

	while (s->fd >= 0 && (n = read(s->fd, chunk, sizeof chunk)) > 0) {
		buf_add(&s->text, chunk, (size_t)n);
		if (s->text.len > SAID_MAX)
			buf_drop(&s->text, s->text.len - SAID_MAX);
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		stream_close(s);
}

static bool stream_has(const struct stream *s, const char *word)
{
	return s->text.len && memmem(s->text.data, s->text.len, word, strlen(word));
}

/* Did ssh say that a forwarding failed? */
static bool forward_failed(const struct tunnel *t)
{
	return stream_has(&t->err, "cannot listen to port: ") ||
	       stream_has(&t->err, "request local forwarding");
}

static bool port_is_taken(const struct tunnel *t, unsigned port)
{
	char line[64];

	/* ssh ends its lines with a carriage return too. */
	snprintf(line, sizeof line, "cannot listen to port: %u\r", port);
	if (stream_has(&t->err, line))
		return true;
	line[strlen(line) - 1] = '\n';
	return stream_has(&t->err, line);
}

static bool ports_are_taken(const struct tunnel *t)
{
	return port_is_taken(t, t->port) || port_is_taken(t, t->stats_port);
}

/* The last line of S that says something, without control characters, into OUT; "" when
 * there is none. */
static const char *last_line(const struct stream *s, char out[LINE_MAX_CITED + 1])
{
	const char *p = s->text.data;
	size_t n = s->text.len, at;

	while (n && (unsigned char)p[n - 1] <= ' ')
		n--;
	for (at = n; at && p[at - 1] != '\n';)
		at--;
	n -= at;
	if (n > LINE_MAX_CITED)
		n = LINE_MAX_CITED;
	for (size_t i = 0; i < n; i++)
		out[i] =
		    (unsigned char)p[at + i] < ' ' || p[at + i] == 0x7f ? '?' : p[at + i];
	out[n] = '\0';
	return out;
}

/* How a person would go there. */
static const char *way(const struct autohost *h, char out[AUTOHOSTS_NAME * 3])
{
	char port[16] = "";

	if (h->ssh_port)
		snprintf(port, sizeof port, "-p %u ", h->ssh_port);
	snprintf(out, AUTOHOSTS_NAME * 3, "ssh %s%s%s%s", port, h->user ? h->user : "",
		 h->user ? "@" : "", h->name);
	return out;
}

/* Why it ended, and what to do. */
static void explain_end(struct tunnel *t, int status)
{
	char line[LINE_MAX_CITED + 1], by_hand[AUTOHOSTS_NAME * 3];

	way(t->host, by_hand);
	last_line(&t->err, line);
	if (stream_has(&t->err, "HOST IDENTIFICATION HAS CHANGED"))
		err_set(&t->why, 0,
			"its host key is not the one that ssh knows: find out why, then "
			"see what '%s' says",
			by_hand);
	else if (stream_has(&t->err, "Host key verification failed"))
		err_set(&t->why, 0,
			"ssh does not know its host key: run '%s' once, compare the key "
			"and accept it",
			by_hand);
	else if (stream_has(&t->err, "Permission denied"))
		err_set(&t->why, 0,
			"ssh is not let in without a question (%s): load your key with "
			"ssh-add, and try '%s'",
			line, by_hand);
	else if (*line)
		err_set(&t->why, 0, "ssh says: %s", line);
	else if (WIFSIGNALED(status))
		err_set(&t->why, 0, "ssh was ended by signal %d", WTERMSIG(status));
	else
		err_set(&t->why, 0, "ssh ended with status %d, without a word",
			WEXITSTATUS(status));
}

/* ---- its life ---- */

static void tell_waiting(struct tunnels *all)
{
	if (!all->waiting)
		return;
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i] && all->v[i]->state == STARTING)
			return;
	loop_stop(all->loop, 0);
}

static void tunnel_end(struct tunnel *t)
{
	child_free(t->child);
	t->child = NULL;
	stream_close(&t->out);
	stream_close(&t->err);
}

static void tunnel_fail(struct tunnel *t)
{
	tunnel_end(t);
	loop_timer_off(t->again);
	t->state = FAILED;
	log_line(LOG_INFO, "tunnel=%s state=failed: %s", t->host->word, t->why.text);
	tell_waiting(t->all);
}

/* It does not run: what now? STATUS is that of its end. */
static void tunnel_ended(struct tunnel *t, int status)
{
	bool taken = ports_are_taken(t);

	tunnel_end(t);
	if (!t->stood && (taken || (forward_failed(t) && !t->lenient)) &&
	    t->tries < TUNNELS_TRIES) {
		t->lenient = t->lenient || !taken;
		tunnel_start(t);
		return;
	}
	explain_end(t, status);
	if (!t->stood) {
		tunnel_fail(t);
		return;
	}
	log_line(LOG_INFO, "tunnel=%s state=dropped: %s", t->host->word, t->why.text);
	t->state = AGAIN;
	loop_timer_set(t->again, t->pause);
	t->pause = t->pause * 2 < pause_max ? t->pause * 2 : pause_max;
}

static void on_end(void *ctx, int status)
{
	struct tunnel *t = ctx;

	stream_take(&t->err);
	tunnel_ended(t, status);
}

static void on_err(void *ctx, unsigned got)
{
	struct tunnel *t = ctx;

	(void)got;
	stream_take(&t->err);
}

static void on_out(void *ctx, unsigned got)
{
	struct tunnel *t = ctx;

	(void)got;
	stream_take(&t->out);
	if (t->state != STARTING || !stream_has(&t->out, STANDS_WORD))
		return;
	stream_take(&t->err);
	if (t->lenient && ports_are_taken(t)) {
		tunnel_ended(t, 0);
		return;
	}
	t->state = STANDS;
	t->stood = true;
	t->pause = pause_min;
	log_line(LOG_INFO, "tunnel=%s state=stands address=%s", t->host->word, t->address);
	tell_waiting(t->all);
}

static void on_again(void *ctx)
{
	tunnel_start(ctx);
}

static void add_option(struct arena *a, struct strv *argv, const char *option)
{
	strv_add(a, argv, "-o");
	strv_add(a, argv, option);
}

static struct strv tunnel_command(const struct tunnel *t, struct arena *a)
{
	const struct autohost *h = t->host;
	struct strv argv = {0};

	for (size_t i = 0; i < t->all->ssh.n; i++)
		strv_add(a, &argv, t->all->ssh.v[i]);
	/* No command, terminal, agent or X11 over there. */
	strv_add(a, &argv, "-NTax");
	add_option(a, &argv, "BatchMode=yes");
	add_option(a, &argv, "ControlPath=none");
	add_option(a, &argv,
		   t->lenient ? "ExitOnForwardFailure=no" : "ExitOnForwardFailure=yes");
	/* A network that went away is noticed within a minute. */
	add_option(a, &argv, "ServerAliveInterval=15");
	add_option(a, &argv, "ServerAliveCountMax=3");
	add_option(a, &argv, "PermitLocalCommand=yes");
	add_option(a, &argv, "LocalCommand=echo " STANDS_WORD);
	strv_add(a, &argv, "-L");
	strv_add(a, &argv, arena_printf(a, "127.0.0.1:%u:127.0.0.1:%u", t->port, h->port));
	strv_add(a, &argv, "-L");
	strv_add(
	    a, &argv,
	    arena_printf(a, "127.0.0.1:%u:127.0.0.1:%u", t->stats_port, h->stats_port));
	if (h->ssh_port) {
		strv_add(a, &argv, "-p");
		strv_add(a, &argv, arena_printf(a, "%u", h->ssh_port));
	}
	if (h->user) {
		strv_add(a, &argv, "-l");
		strv_add(a, &argv, h->user);
	}
	strv_add(a, &argv, h->name);
	return argv;
}

/* 0, or -1 with WHY. */
static int tunnel_spawn(struct tunnel *t)
{
	AUTO_FD int opened = open("/dev/null", O_RDWR | O_CLOEXEC);
	AUTO_FD int null = fcntl(opened, F_DUPFD_CLOEXEC, 3), out = -1, err = -1;
	int ends[2];

	if (spawn_pipe(ends))
		return err_set(&t->why, errno, "start ssh: make a pipe");
	t->out.fd = ends[0];
	out = ends[1];
	if (spawn_pipe(ends))
		return err_set(&t->why, errno, "start ssh: make a pipe");
	t->err.fd = ends[0];
	err = ends[1];
	t->out.text.len = t->err.text.len = 0;

	struct arena *a = arena_new();
	struct strv argv = tunnel_command(t, a);

	t->child = child_start_bound(t->all->loop, argv.v, (int[3]){null, out, err}, on_end,
				     t, &t->why);
	arena_free(a);
	if (!t->child)
		return -1;
	t->out.watch = loop_watch(t->all->loop, t->out.fd, LOOP_READ, on_out, t);
	t->err.watch = loop_watch(t->all->loop, t->err.fd, LOOP_READ, on_err, t);
	return 0;
}

static void tunnel_start(struct tunnel *t)
{
	t->state = STARTING;
	t->tries++;
	if ((t->stood || choose_ports(t) == 0) && tunnel_spawn(t) == 0)
		return;
	if (!t->stood) {
		tunnel_fail(t);
		return;
	}
	tunnel_end(t);
	t->state = AGAIN;
	loop_timer_set(t->again, pause_max);
}

static struct tunnel *tunnel_new(struct tunnels *all, const struct autohost *h)
{
	struct tunnel *t = xcalloc(1, sizeof *t);

	t->all = all;
	t->host = h;
	t->out.fd = t->err.fd = -1;
	t->pause = pause_min;
	t->again = loop_timer_new(all->loop, on_again, t);
	return t;
}

/* ---- all of them ---- */

/* SSH's words; -1: no such program. */
static int find_ssh(struct tunnels *all, const char *ssh, struct err *e)
{
	char *words = arena_strdup(all->arena, ssh ? ssh : ""), *rest = NULL;

	for (char *w = strtok_r(words, " \t\r\n\f\v", &rest); w;
	     w = strtok_r(NULL, " \t\r\n\f\v", &rest)) {
		if (all->ssh.n == TUNNELS_WORDS)
			return err_set(e, 0, "DISTCC_SSH has more than %d words",
				       TUNNELS_WORDS);
		strv_add(all->arena, &all->ssh, w);
	}
	if (!all->ssh.n)
		strv_add(all->arena, &all->ssh, "ssh");
	AUTO_FREE char *path = spawn_find(all->ssh.v[0]);

	if (!path || access(path, X_OK))
		return err_set(e, 0,
			       "ssh:// hosts want an ssh client, and there is no '%s' on "
			       "PATH: install one (openssh-client), or leave them out",
			       all->ssh.v[0]);
	all->ssh.v[0] = arena_strdup(all->arena, path);
	return 0;
}

struct tunnels *tunnels_open(struct loop *l, const struct autohosts *hosts, const char *ssh,
			     struct err *e)
{
	struct tunnels *all = xcalloc(1, sizeof *all);
	size_t wanted = 0;

	all->loop = l;
	all->arena = arena_new();
	all->n = hosts->n;
	all->v = xcalloc(hosts->n + 1, sizeof *all->v);
	for (size_t i = 0; i < hosts->n; i++)
		wanted += hosts->v[i].ssh;
	if (wanted && find_ssh(all, ssh, e)) {
		tunnels_close(all);
		return NULL;
	}
	for (size_t i = 0; i < hosts->n; i++)
		if (hosts->v[i].ssh)
			tunnel_start(all->v[i] = tunnel_new(all, &hosts->v[i]));
	return all;
}

void tunnels_close(struct tunnels *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < all->n; i++) {
		struct tunnel *t = all->v[i];

		if (!t)
			continue;
		tunnel_end(t);
		loop_timer_free(t->again);
		buf_free(&t->out.text);
		buf_free(&t->err.text);
		free(t);
	}
	arena_free(all->arena);
	free(all->v);
	free(all);
}

void tunnels_drop(struct tunnels *all, size_t i)
{
	struct tunnel *t = all->v[i];

	if (!t || t->state == FAILED)
		return;
	err_set(&t->why, 0, "it is not used");
	tunnel_fail(t);
}

const char *tunnels_address(const struct tunnels *all, size_t i, unsigned *stats_port,
			    struct err *e)
{
	const struct tunnel *t = i < all->n ? all->v[i] : NULL;

	if (t && t->stood && t->state != FAILED) {
		*stats_port = t->stats_port;
		return t->address;
	}
	if (!t)
		err_set(e, 0, "it is no ssh:// host");
	else if (t->state == FAILED)
		err_set(e, 0, "%s", t->why.text);
	else
		err_set(e, 0, "ssh is still on its way");
	return NULL;
}

static void on_time_over(void *ctx)
{
	struct tunnels *all = ctx;

	loop_stop(all->loop, 0);
}

void tunnels_wait(struct tunnels *all, int ms)
{
	bool any = false;

	for (size_t i = 0; i < all->n; i++)
		any = any || (all->v[i] && all->v[i]->state == STARTING);
	if (!any)
		return;
	struct loop_timer *timer = loop_timer_new(all->loop, on_time_over, all);

	loop_timer_set(timer, LOOP_MS(ms));
	all->waiting = true;
	loop_run(all->loop);
	all->waiting = false;
	loop_timer_free(timer);
	for (size_t i = 0; i < all->n; i++) {
		struct tunnel *t = all->v[i];

		if (!t || t->state != STARTING || t->stood)
			continue;
		char line[LINE_MAX_CITED + 1];

		stream_take(&t->err);
		last_line(&t->err, line);
		err_set(&t->why, 0, "ssh has not reached it within %d ms%s%s", ms,
			*line ? ", it says: " : "", line);
		tunnel_fail(t);
	}
}
