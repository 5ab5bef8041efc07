#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/ask.h"
#include "cli/doctor_agent.h"
#include "sys/fs.h"
#include "wire/local.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	LOG_TAIL = 64 << 10,
	NAMESPACE_NAME = 64,
	WORKERS_MAX = 10000
};

static const char *env_of_process(const char *name)
{
	return getenv(name);
}

static enum folder_state folder_state(const char *dir)
{
	struct stat st;

	if (lstat(dir, &st))
		return errno == ENOENT ? FOLDER_ABSENT : FOLDER_NO_FOLDER;
	if (!S_ISDIR(st.st_mode))
		return FOLDER_NO_FOLDER;
	if (st.st_uid != geteuid())
		return FOLDER_FOREIGN;
	return st.st_mode & (S_IWGRP | S_IWOTH) ? FOLDER_OPEN : FOLDER_OURS;
}

/* As muster-cc finds it. */
static const char *agent_program(struct arena *arena)
{
	const char *named = getenv("MUSTER_AGENT");
	AUTO_FREE char *own = fs_program_dir();
	const char *dir = own ? own : "/usr/bin";
	const char *beside = arena_printf(arena, "%s/muster-agent", dir);
	const char *apart = arena_printf(arena, "%s/../libexec/muster/muster-agent", dir);

	if (named && *named)
		return named;
	return access(beside, X_OK) && access(apart, X_OK) == 0 ? apart : beside;
}

static bool sees_our_mounts(long pid)
{
	char path[NAMESPACE_NAME], theirs[NAMESPACE_NAME], ours[NAMESPACE_NAME];

	snprintf(path, sizeof path, "/proc/%ld/ns/mnt", pid);
	ssize_t n = readlink(path, theirs, sizeof theirs),
		m = readlink("/proc/self/ns/mnt", ours, sizeof ours);

	return n > 0 && n == m && memcmp(theirs, ours, (size_t)n) == 0;
}

static const char *text_of(struct arena *arena, const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? arena_strdup(arena, text) : "";
}

static int64_t number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void take_workers(struct agent_facts *f, struct arena *arena, const json_t *list)
{
	size_t n = json_array_size(list);
	struct known_worker *v = arena_alloc(arena, (n + 1) * sizeof *v);

	for (size_t i = 0; i < n && i < WORKERS_MAX; i++) {
		const json_t *w = json_array_get(list, i);

		v[f->nworkers++] = (struct known_worker){
		    .address = text_of(arena, w, "address"),
		    .up = strcmp(text_of(arena, w, "state"), "up") == 0,
		    .why = text_of(arena, w, "why")};
	}
	f->workers = v;
}

static void ask(struct agent_facts *f, struct arena *arena)
{
	AUTO_BUF struct buf answer = {0};
	struct err e = {0};
	int r = ask_agent("status", &answer, &e);

	if (r < 0)
		f->trouble = arena_strdup(arena, e.text);
	if (r)
		return;
	json_t *o = json_loadb(answer.data, answer.len, 0, NULL);
	const json_t *jobs = json_object_get(o, "jobs");

	f->version = text_of(arena, o, "version");
	if (!*f->version) {
		f->trouble = "its answer makes no sense";
		json_decref(o);
		return;
	}
	f->running = true;
	f->pid = (long)number_of(o, "pid");
	f->total = number_of(jobs, "total");
	f->remote = number_of(jobs, "remote");
	f->other_mounts = !sees_our_mounts(f->pid);
	f->scheduler = text_of(arena, json_object_get(o, "scheduler"), "address");
	take_workers(f, arena, json_object_get(o, "workers"));
	json_decref(o);
}

static void read_log(struct agent_facts *f, struct arena *arena)
{
	AUTO_FREE char *tail = xmalloc(LOG_TAIL);
	const char *path = arena_printf(arena, "%s/agent.log", f->dir);
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return;
	off_t from = st.st_size > LOG_TAIL ? st.st_size - LOG_TAIL : 0;
	ssize_t n = pread(fd, tail, LOG_TAIL, from);

	if (n > 0)
		f->last_error = doctor_last_error(arena, tail, (size_t)n);
}

void doctor_agent_look(struct agent_facts *f, struct arena *arena)
{
	struct sockaddr_un address;
	char dir[sizeof address.sun_path];

	*f = (struct agent_facts){.dir = "",
				  .scheduler = "",
				  .folder = FOLDER_IMPOSSIBLE,
				  .socket_max = sizeof address.sun_path - 1,
				  .our_version = MUSTER_VERSION,
				  .program = agent_program(arena)};
	f->program_runs = access(f->program, X_OK) == 0;
	if (local_socket_dir(dir, sizeof dir, getuid(), env_of_process))
		return;
	f->dir = arena_strdup(arena, dir);
	f->socket_length = strlen(dir) + strlen("/agent.sock");
	f->folder = folder_state(dir);
	if (f->folder != FOLDER_OURS)
		return;
	ask(f, arena);
	read_log(f, arena);
}
