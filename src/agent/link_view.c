/* What a worker knows of our disk: every node carries the stamp of its last change, and a link remembers at which stamp it told
 * each. Only newer ones are told. */
#include "agent/agent.h"
#include "agent/disk.h"
#include "agent/link_state.h"
#include "agent/plan.h"
#include "agent/remote.h"
#include "base/mem.h"
#include "cas/entry.h"
#include "wire/entries.h"
#include "wire/message.h"

#include <stdlib.h>
#include <string.h>

enum {
	VIEW_BATCH = 256 << 10
};

static uint64_t *slot(uint64_t **list, size_t *n, uint32_t id)
{
	if (id >= *n) {
		size_t more = id + id / 2 + 64;

		*list = xreallocarray(*list, more, sizeof **list);
		memset(*list + *n, 0, (more - *n) * sizeof **list);
		*n = more;
	}
	return &(*list)[id];
}

struct telling {
	struct link *link;
	struct buf entries, *out;
};

static void tell_flush(struct telling *t, bool all)
{
	if (!t->entries.len || (!all && t->entries.len < VIEW_BATCH))
		return;
	message_put_view(t->out, &(struct message_view){
				     {t->entries.data, t->entries.len}
        });
	t->entries.len = 0;
}

static void tell_node(void *ctx, struct node *n)
{
	struct telling *t = ctx;
	struct link *l = t->link;
	uint64_t *sent = slot(&l->sent_nodes, &l->nsent_nodes, n->id);
	struct wire_entry w = {.path = n->path, .target = n->target};

	if (*sent >= n->stamp)
		return;
	switch (n->kind) {
	case NODE_DIR: w.kind = ENTRY_DIR; break;
	case NODE_LINK: w.kind = ENTRY_LINK; break;
	case NODE_FILE:
		w.kind = ENTRY_FILE;
		w.digest = n->digest;
		w.size = (uint64_t)n->st.st_size;
		w.mtime_s = n->st.st_mtim.tv_sec;
		w.mode = n->st.st_mode & 0111 ? 0755 : 0644;
		break;
	case NODE_GONE:
	case NODE_OTHER: return;
	}
	*sent = n->stamp;
	wire_entry_put(&t->entries, &w);
	tell_flush(t, false);
}

/* Names that it has been told and that exist no more. */
static void tell_gone(struct telling *t)
{
	struct link *l = t->link;
	struct node *n;

	for (; (n = disk_gone(l->remote->agent->disk, l->gone)); l->gone++) {
		uint64_t *sent = slot(&l->sent_nodes, &l->nsent_nodes, n->id);

		if (!*sent)
			continue;
		*sent = 0;
		if (n->kind != NODE_GONE)
			continue;
		wire_entry_put(&t->entries,
			       &(struct wire_entry){.kind = ENTRY_GONE, .path = n->path});
	}
}

void link_tell_plan(struct link *l, const struct plan *plan, struct buf *out)
{
	struct telling t = {.link = l, .out = out};
	struct disk *disk = l->remote->agent->disk;

	tell_gone(&t);
	for (size_t i = 0; i < plan->nfiles; i++) {
		uint64_t stamp = disk_file_stamp(disk, plan->files[i]);
		uint64_t *sent = slot(&l->sent_files, &l->nsent_files, plan->files[i]->id);

		if (*sent >= stamp)
			continue;
		disk_file_walk(disk, plan->files[i], tell_node, &t);
		*sent = stamp;
	}
	for (size_t i = 0; i < plan->places.n; i++)
		disk_walk(disk, plan->places.v[i], tell_node, &t);
	tell_gone(&t); /* what these walks found missing */
	tell_flush(&t, true);
	buf_free(&t.entries);
}

void link_tell_text(struct link *l, const char *name, const struct digest *d, uint64_t size,
		    struct buf *out)
{
	struct telling t = {.link = l, .out = out};
	struct wire_entry w = {
	    .kind = d ? ENTRY_FILE : ENTRY_GONE, .path = name, .size = size, .mode = 0644};

	if (d)
		w.digest = *d;
	wire_entry_put(&t.entries, &w);
	tell_flush(&t, true);
	buf_free(&t.entries);
}

void link_forget_views(struct link *l)
{
	free(l->sent_nodes);
	free(l->sent_files);
}
