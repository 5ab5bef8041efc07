/* Finding the real compiler and becoming it.
 *
 * The invariant is that a chain of wrappers always ends. Called as `gcc`, the search begins
 * behind the first folder of PATH in which `gcc` is the shim, and the compiler is given a
 * PATH that begins there too: a second wrapper on PATH (ccache, say), whether it stands
 * before or behind us, goes onward and never back. Wherever it stands, a candidate that is
 * the shim's own file is skipped, whatever links lead to it. What still goes in a circle (a
 * wrapper that puts itself in front of PATH again) is ended by counting.
 *
 * When the shim is on PATH nowhere, or nothing follows it, PATH is searched whole and
 * handed on untouched. A compiler called by a name with a slash is given its true path as
 * argv[0]: a toolchain that can be moved finds its own parts from there, and would look for
 * them around our link. */
#include "shim/real.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

/* What execvp takes when PATH is not set. */
static const char DEFAULT_PATH[] = "/bin:/usr/bin";

/* The identity of our own file. */
struct self {
	dev_t dev;
	ino_t ino;
};

enum candidate {
	NONE,
	SELF,
	OTHER
}; /* no program, the shim, another program */

int say_fd(void)
{
	const char *given = getenv("UNCACHED_ERR_FD");
	char *end;
	long fd = given && *given ? strtol(given, &end, 10) : -1;

	return fd >= 0 && fd <= INT_MAX && !*end && fcntl((int)fd, F_GETFD) >= 0
		   ? (int)fd
		   : STDERR_FILENO;
}

void say(const char *first, ...)
{
	char text[2 * PATH_MAX] = "muster-cc: ";
	size_t n = strlen(text);
	va_list ap;

	va_start(ap, first);
	for (const char *s = first; s; s = va_arg(ap, const char *)) {
		size_t room = sizeof text - 1 - n, m = strlen(s);

		m = m < room ? m : room;
		memcpy(text + n, s, m);
		n += m;
	}
	va_end(ap);
	text[n++] = '\n';
	if (write(say_fd(), text, n) < 0)
		return; /* nobody is left to be told */
}

unsigned real_level(void)
{
	const char *s = getenv("MUSTER_LEVEL");

	if (!s || !*s)
		return 0;
	unsigned long n = strtoul(s, NULL, 10);
	return n == 0 ? 1 : n > REAL_MAX_LEVEL ? REAL_MAX_LEVEL : (unsigned)n;
}

/* Without /proc, the kernel's own word about what it was told to run serves as well. */
static struct self self_identity(void)
{
	struct stat st;
	const char *name =
	    (const char *)getauxval(AT_EXECFN); /* NOLINT(performance-no-int-to-ptr) */

	if (stat("/proc/self/exe", &st) < 0 && (!name || stat(name, &st) < 0))
		return (struct self){0};
	return (struct self){st.st_dev, st.st_ino};
}

/* What FILE is to us. */
static enum candidate candidate_kind(const struct self *self, const char *file)
{
	struct stat st;

	if (stat(file, &st) < 0 || !S_ISREG(st.st_mode) || access(file, X_OK) < 0)
		return NONE;
	return st.st_dev == self->dev && st.st_ino == self->ino ? SELF : OTHER;
}

/* Writes FOLDER/NAME of the PATH entry at *AT to OUT and moves *AT to the next entry, or to
 * NULL behind the last. An entry that is too long gives "", which names no file. */
static void path_entry(char out[PATH_MAX], const char **at, const char *name)
{
	const char *folder = *at;
	size_t f = strcspn(folder, ":"), n = strlen(name);

	*at = folder[f] ? folder + f + 1 : NULL;
	if (f == 0) { /* the current folder */
		folder = ".";
		f = 1;
	}
	out[0] = 0;
	if (f + 1 + n >= PATH_MAX)
		return;
	memcpy(out, folder, f);
	out[f] = '/';
	memcpy(out + f + 1, name, n + 1);
}

/* The part of PATH behind the first folder in which NAME is the shim, and behind such
 * folders that follow it directly; NULL when there is none, or nothing behind it.
 * OTHER_FIRST: a real NAME before that folder counts, and then nothing is cut. */
static const char *path_behind_self(const struct self *self, const char *path,
				    const char *name, bool other_first)
{
	char file[PATH_MAX];
	bool seen = false;

	for (const char *at = path; at;) {
		const char *here = at;

		path_entry(file, &at, name);
		enum candidate kind = candidate_kind(self, file);

		if (kind == SELF)
			seen = true;
		else if (seen)
			return here;
		else if (other_first && kind == OTHER)
			return NULL;
	}
	return NULL;
}

/* The first NAME on PATH that is not the shim, into OUT. */
static bool path_find(char out[PATH_MAX], const struct self *self, const char *path,
		      const char *name)
{
	while (path) {
		path_entry(out, &path, name);
		if (candidate_kind(self, out) == OTHER)
			return true;
	}
	return false;
}

/* A copy of ENV in which LEVEL, and PATH if not NULL, stand instead of their old values. */
static char **real_env(char **env, char *level, char *path)
{
	size_t n = 0, kept = 0;

	while (env[n])
		n++;
	char **out = xreallocarray(NULL, n + 3, sizeof *out);
	for (size_t i = 0; i < n; i++)
		if (strncmp(env[i], "MUSTER_LEVEL=", 13) != 0 &&
		    (!path || strncmp(env[i], "PATH=", 5) != 0))
			out[kept++] = env[i];
	out[kept++] = level;
	if (path)
		out[kept++] = path;
	out[kept] = NULL;
	return out;
}

/* As execvp does: a script without an interpreter line is the shell's. */
static void exec_script(char *program, char **argv, char **env)
{
	size_t n = 0;

	while (argv[n])
		n++;
	char **shell = xreallocarray(NULL, n + 2, sizeof *shell);
	memcpy(shell + 1, argv, (n + 1) * sizeof *shell);
	shell[0] = (char[]){"sh"};
	shell[1] = program;
	execve("/bin/sh", shell, env);
}

/* Returns only on failure. */
static int exec_real(const struct call *call, char *program, char **env)
{
	execve(program, call->argv, env);
	if (errno == ENOEXEC) {
		exec_script(program, call->argv, env);
		errno = ENOEXEC;
	}
	int status = errno == ENOENT ? REAL_NOT_FOUND : REAL_CANNOT_RUN;
	say("cannot run '", program, "': ", strerror(errno), NULL);
	return status;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Fills in what to run, in malloc'ed memory, and the PATH for it (NULL: as it is). */
static char *real_find(const struct call *call, const char *program, const char **behind)
{
	const char *called = call->argv[0], *name = base_name(called);
	const char *path = getenv("PATH");
	struct self self = self_identity();
	char found[PATH_MAX];

	path = path ? path : DEFAULT_PATH;
	/* A compiler called by its plain name looks itself up on PATH, to find its parts:
	 * it must not find us there. */
	*behind = call->masquerade || name == called
		      ? path_behind_self(&self, path, name, !call->masquerade)
		      : NULL;
	if (program && *program)
		return xstrdup(program);
	if (!call->masquerade && name != called && candidate_kind(&self, called) != SELF)
		return xstrdup(called);
	if (*behind && path_find(found, &self, *behind, name))
		return xstrdup(found);
	*behind = NULL;
	return path_find(found, &self, path, name) ? xstrdup(found) : NULL;
}

int real_run(const struct call *call, const char *program)
{
	const char *called = call->argv[0], *behind;
	char level[] = "MUSTER_LEVEL=0";
	unsigned old = real_level();

	if (old >= REAL_MAX_LEVEL) {
		say("'", called,
		    "' calls itself over and over by way of PATH (MUSTER_LEVEL is ",
		    getenv("MUSTER_LEVEL"), "); take one of the wrappers off PATH", NULL);
		return call->distcc ? DISTCC_RECURSION : REAL_NOT_FOUND;
	}
	level[sizeof level - 2] = (char)('1' + old);
	char *file = real_find(call, program, &behind);
	if (!file) {
		say("cannot find the compiler '", base_name(called), "' on PATH", NULL);
		return call->distcc ? DISTCC_NOT_FOUND : REAL_NOT_FOUND;
	}
	if (strchr(called, '/') && strcmp(base_name(called), base_name(file)) == 0)
		call->argv[0] = file;
	return exec_real(
	    call, file,
	    real_env(call->env, level, behind ? xasprintf("PATH=%s", behind) : NULL));
}
