/* The layout was learned by looking at the files of distcc 3.4 on a 64-bit little-endian machine; all
 * numbers are the machine's own:
 *
 *     0  u64 size of the structure      16  u64 pid           152  char host[128]
 *     8  u64 0x44494800                 24  char file[128]    280  i32 slot   284  i32 phase
 *
 * A client that was killed leaves its file behind. It is told from a living one by its process, and where
 * the number has been given to another process since, by that one being younger than the file. No file is
 * removed: that is their owner's business. */
#include "cli/binstate.h"

#include "base/err.h"
#include "base/mem.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	AT_MAGIC = 8,
	AT_PID = 16,
	AT_FILE = 24,
	AT_HOST = 152,
	AT_SLOT = 280,
	AT_PHASE = 284,
	MAGIC = 0x44494800,
	PID_MAX = 1 << 22, /* the kernel's own limit */
	SLOT_MAX = 100000,
};

static const char *const phases[] = {
    "Startup", "Blocked", "Connect", "Preprocess", "Send", "Compile", "Receive", "Done",
};

enum {
	DONE = sizeof phases / sizeof *phases - 1
};

static const char prefix[] = "binstate_";

void binstate_clean(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		/* The second set of controls, U+0080 to U+009F. */
		if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
			p[0] = p[1] = '?';
	}
}

static void copy_name(char out[BINSTATE_NAME], const char *from)
{
	size_t n = strnlen(from, BINSTATE_NAME - 1);

	memcpy(out, from, n);
	out[n] = 0;
	binstate_clean(out);
}

bool binstate_parse(struct binstate *out, const void *bytes, size_t n)
{
	const char *p = bytes;
	uint64_t size, magic, pid;
	int32_t slot, phase;

	if (n != BINSTATE_SIZE)
		return false;
	memcpy(&size, p, sizeof size);
	memcpy(&magic, p + AT_MAGIC, sizeof magic);
	memcpy(&pid, p + AT_PID, sizeof pid);
	memcpy(&slot, p + AT_SLOT, sizeof slot);
	memcpy(&phase, p + AT_PHASE, sizeof phase);
	if (size != BINSTATE_SIZE || magic != MAGIC || pid == 0 || pid > PID_MAX)
		return false;
	if (phase < 0 || phase >= DONE || slot < -1 || slot > SLOT_MAX)
		return false;
	*out = (struct binstate){.pid = (long)pid, .phase = phases[phase], .slot = slot};
	copy_name(out->file, p + AT_FILE);
	copy_name(out->host, p + AT_HOST);
	return true;
}

long binstate_pid(const char *name)
{
	size_t n = sizeof prefix - 1;

	if (strncmp(name, prefix, n) != 0 || !isdigit((unsigned char)name[n]))
		return 0;
	char *end;
	long pid = strtol(name + n, &end, 10);

	return *end || pid > PID_MAX ? 0 : pid;
}

/* Seconds since the process began; INT_MAX when that is not known. */
static long process_age(long pid)
{
	enum {
		FIELDS = 20 /* between the name's ')' and the time of the start */
	};

	char path[64], text[1024];
	struct timespec now;

	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (n <= 0 || clock_gettime(CLOCK_BOOTTIME, &now))
		return INT_MAX;
	text[n] = 0;
	const char *at = strrchr(text, ')');

	for (int i = 0; at && i < FIELDS; i++)
		at = strchr(at + 1, ' ');
	if (!at)
		return INT_MAX;
	unsigned long long ticks = strtoull(at, NULL, 10);

	return (long)now.tv_sec - (long)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
}

/* True when the process that wrote a file at the time WRITTEN can still be there. */
static bool writer_lives(long pid, time_t written)
{
	enum {
		SLACK_S = 2 /* the clocks are read one after the other, in whole seconds */
	};

	if (kill((pid_t)pid, 0) && errno != EPERM)
		return false;
	return (long)(time(NULL) - written) <= process_age(pid) + SLACK_S;
}

static bool read_one(int dir, const char *name, struct binstate *out)
{
	long pid = binstate_pid(name);
	char text[BINSTATE_SIZE + 1];
	struct stat st;

	if (!pid)
		return false;
	AUTO_FD int fd =
	    openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	ssize_t n = read(fd, text, sizeof text);

	return n > 0 && binstate_parse(out, text, (size_t)n) && out->pid == pid &&
	       writer_lives(pid, st.st_mtime);
}

int binstate_collect(const char *dir, struct buf *out, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	struct binstate one;

	if (!d)
		return errno == ENOENT ? 0 : err_set(e, errno, "open folder %s", dir);
	for (int i = 0; i < BINSTATE_FILES && (entry = readdir(d)); i++)
		if (read_one(dirfd(d), entry->d_name, &one))
			buf_add(out, &one, sizeof one);
	closedir(d);
	return 0;
}
