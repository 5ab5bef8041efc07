/* Bytes on their way to a worker: files of the disk, opened when their turn comes and sent only if they are still what was told,
 * and preprocessed texts, which are held open as long as their job is there. */
#include "agent/agent.h"
#include "agent/disk.h"
#include "agent/link_state.h"
#include "agent/preprocess.h"
#include "agent/remote.h"
#include "agent/task.h"
#include "base/mem.h"
#include "net/peer.h"
#include "wire/message.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

/* A preprocessed source, as long as its job is there. It has a name in the worker's view like any file. */
struct text {
	struct text *prev, *next;
	uint64_t task;
	int fd;
	struct digest digest;
	uint64_t size;
	char name[48];
};

static void text_free(struct link *l, struct text *t)
{
	DL_DELETE(l->texts, t);
	close(t->fd);
	free(t);
}

static struct text *find_text(const struct link *l, const struct digest *d)
{
	struct text *t;

	for (t = l->texts; t; t = t->next)
		if (digest_equal(&t->digest, d))
			break;
	return t;
}

struct upload {
	struct upload *next;
	struct digest digest;
	int fd; /* -1: not begun */
	uint64_t offset, size;
};

static void upload_free(struct upload *u)
{
	if (u->fd >= 0)
		close(u->fd);
	free(u);
}

void link_forget_blobs(struct link *l)
{
	for (struct upload *u = l->first, *next; u; u = next) {
		next = u->next;
		upload_free(u);
	}
	while (l->texts)
		text_free(l, l->texts);
}

/* The file with these bytes changed (or we never had such): what the worker was told of it is void. */
static void say_gone(struct link *l, const struct digest *d)
{
	AUTO_BUF struct buf b = {0};
	struct node *n = disk_by_digest(l->remote->agent->disk, d);

	if (n && n->id < l->nsent_nodes)
		l->sent_nodes[n->id] = 0;
	/* Whichever other names had these bytes: tell everything anew. It is rare. */
	memset(l->sent_files, 0, l->nsent_files * sizeof *l->sent_files);
	memset(l->sent_nodes, 0, l->nsent_nodes * sizeof *l->sent_nodes);
	message_put_blob_gone(&b, &(struct message_blob_gone){*d});
	peer_send(l->peer, &b);
}

/* Opens what is to be sent next; false when it is not there any more. */
static bool upload_open(struct link *l, struct upload *u)
{
	struct text *text = find_text(l, &u->digest);
	struct node *n = disk_by_digest(l->remote->agent->disk, &u->digest);

	if (text) {
		u->fd = fcntl(text->fd, F_DUPFD_CLOEXEC, 0);
		u->size = text->size;
		return u->fd >= 0;
	}
	if (!n || !disk_node_same(l->remote->agent->disk, n))
		return false;
	u->fd = open(n->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	u->size = (uint64_t)n->st.st_size;
	return u->fd >= 0;
}

/* One chunk of the first upload. */
static void upload_some(struct link *l)
{
	struct upload *u = l->first;
	char chunk[MESSAGE_CHUNK];
	AUTO_BUF struct buf b = {0};
	bool fine = u->fd >= 0 || upload_open(l, u);
	ssize_t n = fine ? pread(u->fd, chunk, sizeof chunk, (off_t)u->offset) : -1;

	if (n < 0 || (n == 0 && u->offset < u->size) || u->offset + (uint64_t)n > u->size) {
		say_gone(l, &u->digest);
		n = -1;
	} else {
		message_put_blob(&b, &(struct message_blob){
					 .digest = u->digest,
					 .size = u->size,
					 .offset = u->offset,
					 .bytes = {chunk, (size_t)n}
                });
		u->offset += (uint64_t)n;
		peer_send(l->peer, &b);
	}
	if (n >= 0 && u->offset < u->size)
		return;
	l->first = u->next;
	if (!l->first)
		l->last = NULL;
	upload_free(u);
}

void link_pump(struct link *l)
{
	while (l->first && peer_backlog(l->peer) < PEER_HIGH)
		upload_some(l);
}

void link_upload(struct link *l, const struct digest *d)
{
	struct upload *u = xcalloc(1, sizeof *u);

	u->digest = *d;
	u->fd = -1;
	if (l->last)
		l->last->next = u;
	else
		l->first = u;
	l->last = u;
}

const char *link_keep_text(struct link *l, const struct task *task, const char *suffix,
			   const struct preprocess_end *end)
{
	struct text *text = xcalloc(1, sizeof *text);

	text->task = task->id;
	text->fd = fcntl(end->fd, F_DUPFD_CLOEXEC, 0);
	text->digest = end->digest;
	text->size = end->size;
	snprintf(text->name, sizeof text->name, "/%" PRIu64 "%s", task->id, suffix);
	DL_APPEND(l->texts, text);
	return text->name;
}

bool link_drop_text(struct link *l, const struct task *task)
{
	AUTO_BUF struct buf b = {0};
	struct text *text;

	DL_SEARCH_SCALAR(l->texts, text, task, task->id);
	if (!text)
		return false;
	link_tell_text(l, text->name, NULL, 0, &b);
	peer_send(l->peer, &b);
	text_free(l, text);
	return true;
}
