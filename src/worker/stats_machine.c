/* What /proc says about the machine. Nothing here fails: what cannot be read or
 * understood is unknown (-1), and a process that ends while it is looked at does not
 * count. All texts of the kernel are read into one small buffer; names of programs are
 * anybody's choice, so bytes that could forge a line of the page are replaced. */
#include "worker/stats_machine.h"

#include "base/mem.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
	TEXT_MAX = 32768 /* more of a file in /proc is not looked at */
};

struct stats_eye {
	const char *proc, *tmpdir;
	struct stats_machine machine;
	bool looked;
	nsec at;         /* of the last look */
	int64_t sectors; /* read and written until then; -1: unknown */
	char text[TEXT_MAX];
};

struct stats_eye *stats_eye_new(const char *proc, const char *tmpdir)
{
	struct stats_eye *eye = xcalloc(1, sizeof *eye);

	eye->proc = proc;
	eye->tmpdir = tmpdir;
	eye->sectors = -1;
	return eye;
}

void stats_eye_free(struct stats_eye *eye)
{
	free(eye);
}

/* eye->text becomes the beginning of the file NAME in the folder DIR. False: it cannot
 * be read. */
static bool read_text(struct stats_eye *eye, int dir, const char *name)
{
	AUTO_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t n = 0;

	if (fd < 0)
		return false;
	for (ssize_t got; (got = read(fd, eye->text + n, TEXT_MAX - 1 - n)) > 0;)
		n += (size_t)got;
	eye->text[n] = 0;
	return n > 0;
}

static void look_at_load(struct stats_eye *eye, int proc)
{
	struct stats_machine *m = &eye->machine;

	m->runnable = -1;
	m->load[0] = m->load[1] = m->load[2] = -1;
	if (read_text(eye, proc, "loadavg") &&
	    sscanf(eye->text, "%lf %lf %lf %" SCNd64 "/", &m->load[0], &m->load[1],
		   &m->load[2], &m->runnable) < 4)
		m->runnable = -1;
}

static void look_at_memory(struct stats_eye *eye, int proc)
{
	int64_t kb;
	const char *line = NULL;

	if (read_text(eye, proc, "meminfo"))
		line = strstr(eye->text, "\nMemAvailable:");
	eye->machine.memory_free_mb =
	    line && sscanf(line, " MemAvailable: %" SCNd64 " kB", &kb) == 1 ? kb / 1024
									    : -1;
}

/* A disk, and no part of one and nothing that is made of disks: sda, nvme0n1, mmcblk0. */
static bool is_whole_disk(const char *name)
{
	static const char *const lettered[] = {"sd", "vd", "hd", "xvd"};
	static const char *const numbered[] = {"nvme", "mmcblk"};

	for (size_t i = 0; i < sizeof lettered / sizeof *lettered; i++) {
		size_t n = strlen(lettered[i]);

		if (strncmp(name, lettered[i], n) == 0)
			return islower((unsigned char)name[n]) &&
			       !isdigit((unsigned char)name[strlen(name) - 1]);
	}
	for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++) {
		size_t n = strlen(numbered[i]);

		if (strncmp(name, numbered[i], n) == 0)
			return isdigit((unsigned char)name[n]) && !strchr(name + n, 'p') &&
			       !strstr(name + n, "boot");
	}
	return false;
}

static void look_at_disks(struct stats_eye *eye, int proc, nsec now)
{
	int64_t all = -1;

	if (read_text(eye, proc, "diskstats")) {
		for (char *line = eye->text, *end; (end = strchr(line, '\n'));
		     line = end + 1) {
			char name[32];
			int64_t in, out;

			if (sscanf(line,
				   "%*d %*d %31s %*d %*d %" SCNd64 " %*d %*d %*d %" SCNd64,
				   name, &in, &out) == 3 &&
			    is_whole_disk(name))
				all = (all < 0 ? 0 : all) + in + out;
		}
	}
	bool known = all >= 0 && eye->sectors >= 0 && all >= eye->sectors && now > eye->at;
	double seconds = (double)(now - eye->at) / 1e9;

	eye->machine.sectors_s =
	    known ? (int64_t)((double)(all - eye->sectors) / seconds) : -1;
	eye->sectors = all;
}

/* Compilers are what this machine is for: they are not what takes its memory away. */
static bool is_compiler(const char *comm, size_t n)
{
	static const char *const names[] = {"cc1", "clang", "lto1", "f951"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) <= n && memcmp(comm, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static void keep_biggest(struct stats_machine *m, int64_t kb, const char *comm, size_t n)
{
	if (kb <= m->rss_kb || is_compiler(comm, n))
		return;
	if (n > sizeof m->rss_name - 3)
		n = sizeof m->rss_name - 3;
	m->rss_kb = kb;
	m->rss_name[0] = '(';
	for (size_t i = 0; i < n; i++)
		m->rss_name[1 + i] =
		    (unsigned char)comm[i] < 0x20 || comm[i] == 0x7f ? '?' : comm[i];
	memcpy(m->rss_name + 1 + n, ")", 2);
}

/* "PID (COMM) STATE …": COMM may hold blanks and brackets, so its end is the last
 * bracket. The resident set is the 24th field, in pages. */
static void look_at_process(struct stats_eye *eye)
{
	char *comm = strchr(eye->text, '('), *end = strrchr(eye->text, ')');
	int64_t pages;
	char state;

	if (!comm || !end || end < comm ||
	    sscanf(
		end + 1,
		" %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		"%*s %*s %*s %" SCNd64,
		&state, &pages) != 2)
		return;
	if (state == 'D')
		eye->machine.waiting++;
	keep_biggest(&eye->machine, pages * (sysconf(_SC_PAGESIZE) / 1024), comm + 1,
		     (size_t)(end - comm - 1));
}

static void look_at_processes(struct stats_eye *eye, DIR *proc)
{
	eye->machine.waiting = 0;
	eye->machine.rss_kb = -1;
	eye->machine.rss_name[0] = 0;
	for (struct dirent *d; (d = readdir(proc));) {
		char name[300];

		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		snprintf(name, sizeof name, "%s/stat", d->d_name);
		if (read_text(eye, dirfd(proc), name))
			look_at_process(eye);
	}
}

static int64_t free_mb(const char *dir)
{
	struct statvfs fs;

	return statvfs(dir, &fs) ? -1
				 : (int64_t)((uint64_t)fs.f_bavail * fs.f_frsize >> 20);
}

const struct stats_machine *stats_eye_look(struct stats_eye *eye, nsec now)
{
	if (eye->looked && now - eye->at < STATS_EYE_REST)
		return &eye->machine;
	DIR *proc = opendir(eye->proc);
	int fd = proc ? dirfd(proc) : -1;

	look_at_load(eye, fd);
	look_at_memory(eye, fd);
	look_at_disks(eye, fd, now);
	eye->machine.waiting = eye->machine.rss_kb = -1;
	if (proc) {
		look_at_processes(eye, proc);
		closedir(proc);
	}
	eye->machine.disk_free_mb = free_mb(eye->tmpdir);
	eye->looked = true;
	eye->at = now;
	return &eye->machine;
}
