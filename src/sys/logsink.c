/* The sinks of base/log that touch more than standard error. A line is one write with
 * O_APPEND, so lines of several processes do not mix; a line that cannot be written is
 * lost, since there is nowhere to say so. */
#include "sys/logsink.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static int log_fd = -1; /* the open file; -1: none */

static void add_time(struct buf *line)
{
	struct timespec now;
	struct tm parts;
	char text[32], zone[8];

	clock_gettime(CLOCK_REALTIME, &now);
	if (!localtime_r(&now.tv_sec, &parts))
		return;
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
	strftime(zone, sizeof zone, "%z", &parts);
	buf_printf(line, "%s.%03ld%.3s:%s ", text, now.tv_nsec / 1000000, zone, zone + 3);
}

static void add_words(struct buf *line, enum log_level level, const char *name,
		      const char *text)
{
	const char *severity = level <= LOG_CRITICAL  ? "CRITICAL! "
			       : level == LOG_ERROR   ? "ERROR: "
			       : level == LOG_WARNING ? "Warning: "
						      : "";

	buf_printf(line, "%s[%d] %s%s\n", name, (int)getpid(), severity, text);
}

static void to_file(enum log_level level, const char *name, const char *text)
{
	AUTO_BUF struct buf line = {0};

	add_time(&line);
	add_words(&line, level, name, text);
	ssize_t n = write(log_fd, line.data, line.len);
	(void)n;
}

static void to_stderr(enum log_level level, const char *name, const char *text)
{
	AUTO_BUF struct buf line = {0};

	add_words(&line, level, name, text);
	ssize_t n = write(STDERR_FILENO, line.data, line.len);
	(void)n;
}

static void to_syslog(enum log_level level, const char *name, const char *text)
{
	(void)name; /* openlog has it */
	syslog((int)level, "%s", text);
}

static void use(void (*sink)(enum log_level, const char *, const char *), int fd)
{
	if (log_fd >= 0)
		close(log_fd);
	log_fd = fd;
	log_to(sink);
}

int logsink_file(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);

	if (fd < 0)
		return err_set(e, errno, "open the log file %s", path);
	use(to_file, fd);
	return 0;
}

void logsink_stderr(void)
{
	use(to_stderr, -1);
}

void logsink_syslog(const char *name)
{
	openlog(name, LOG_PID, LOG_DAEMON);
	use(to_syslog, -1);
}
