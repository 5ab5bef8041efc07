#include "agent/native.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "sys/hash.h"
#include "sys/spawn.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	OUTPUT_MAX = 1 << 20,
	TIMEOUT_MS = 20000
};

/* The command line of the compiler proper for OPTS, without quotes, from MARK on. */
static char *cc1_words(struct arena *a, const char *driver, const char *path,
		       const char *const opts[4], const char *mark, struct err *e)
{
	AUTO_BUF struct buf out = {0};
	struct strv argv = {0}, env = {0};
	int status;

	strv_add(a, &argv, driver);
	strv_add(a, &argv, "-###");
	for (size_t i = 0; i < 4 && opts[i]; i++)
		strv_add(a, &argv, opts[i]);
	static const char *const tail[] = {"-E", "-x", "c", "/dev/null"};

	for (size_t i = 0; i < sizeof tail / sizeof *tail; i++)
		strv_add(a, &argv, tail[i]);
	strv_add(a, &env, "LC_ALL=C");
	strv_add(a, &env, arena_printf(a, "PATH=%s", path ? path : "/usr/bin:/bin"));
	if (spawn_capture(argv.v, env.v, "/", OUTPUT_MAX, TIMEOUT_MS, NULL, &out, &status,
			  e))
		return NULL;
	buf_u8(&out, 0);
	char *line = strstr(out.data, mark);
	char *to = line;

	if (status || !line) {
		err_set(e, 0, "the compiler does not tell what native means here");
		return NULL;
	}
	for (char *p = line; *p && *p != '\n'; p++)
		if (*p != '"')
			*to++ = *p;
	*to = 0;
	return arena_strdup(a, line);
}

/* What GCC's local_cpu_detect says for the architecture, and for tuning. */
static int detect(struct arena *a, const char *driver, const char *path, int m32,
		  char **arch, char **tune, struct err *e)
{
	const char *width = m32 ? "-m32" : NULL;
	const char *const ask_arch[4] = {"-march=native", "-mtune=generic", width};
	const char *const ask_tune[4] = {"-mtune=native", "-march=x86-64", width};
	char *line = cc1_words(a, driver, path, ask_arch, "/cc1", e);
	char *other = line ? cc1_words(a, driver, path, ask_tune, "/cc1", e) : NULL;

	if (!other)
		return -1;
	/* "… -march=NAME flags… -mtune=generic …": from -march= up to the tuning */
	char *begin = strstr(line, " -march="),
	     *end = begin ? strstr(begin, " -mtune=generic") : NULL;
	/* "… --param l1-cache-size=… -mtune=NAME …" */
	char *tune_begin = strstr(other, " --param l1-cache");
	char *tune_name = strstr(tune_begin ? tune_begin : other, " -mtune=");

	if (!begin || !end || !tune_name)
		return err_set(e, 0, "native has an unknown form in this compiler");
	*end = 0;
	char *own = strstr(begin, " -m32"); /* ours, not what was detected */

	if (own)
		memset(own, ' ', 5);
	*arch = begin + 1;
	tune_name[1 + strcspn(tune_name + 1, " ")] = 0;
	*tune = (tune_begin ? tune_begin : tune_name) + 1;
	return 0;
}

/* What Linux says of the first processor, as far as compilers look: cpuid's words and the sizes of caches.
 * A home folder may be shared by machines, and a machine may move to another host between two agents. */
static const char *processor(void)
{
	static const char *const names[] = {
	    "vendor_id", "cpu family", "model", "cache size", "flags", "Features", "CPU "};
	static char hex[DIGEST_HEX];
	AUTO_BUF struct buf all = {0};
	char *line = NULL;
	size_t cap = 0;
	struct digest d;

	if (*hex)
		return hex;
	FILE *f = fopen("/proc/cpuinfo", "re");

	while (f && getline(&line, &cap, f) > 1) /* up to an empty line */
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			if (strncmp(line, names[i], strlen(names[i])) == 0)
				buf_str(&all, line);
	if (f)
		fclose(f);
	free(line);
	hash_bytes(all.data ? all.data : "", all.len, &d);
	return digest_hex(&d, hex);
}

const char *native_specs(struct arena *a, const char *driver, const char *path, int m32,
			 const char *dir, struct err *e)
{
	struct digest d;
	struct stat st;
	char hex[DIGEST_HEX], *arch = NULL, *tune = NULL;

	if (stat(driver, &st))
		return err_set(e, 0, "the compiler is not there"), NULL;
	AUTO_FREE char *key =
	    xasprintf("%s %d %lld %lld %lld %s", driver, m32, (long long)st.st_mtim.tv_sec,
		      (long long)st.st_dev, (long long)st.st_ino, processor());

	hash_bytes(key, strlen(key), &d);
	const char *file =
	    arena_printf(a, "%s/native-%.16s.specs", dir, digest_hex(&d, hex));

	if (stat(file, &st) == 0)
		return file;
	if (detect(a, driver, path, m32, &arch, &tune, e))
		return NULL;
	char *text = arena_printf(
	    a,
	    "*cc1_cpu:\n%%{march=native:%%>march=native %s %%{!mtune=*:%%>mtune=native "
	    "%s}} %%{mtune=native:%%>mtune=native %s}\n\n",
	    arch, tune, tune);

	return fs_write_file(file, text, strlen(text), 0644, e) ? NULL : file;
}

/* "-name" "VALUE" pairs of clang's cc1, as the driver's words that say the same. */
static void clang_words(struct arena *a, char *line, const char *arch_option,
			struct strv *out)
{
	char *save = NULL, *name = NULL;

	for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		if (name && strcmp(name, "-target-cpu") == 0 &&
		    strcmp(arch_option, "-march=") == 0) {
			strv_add(a, out, arena_printf(a, "-march=%s", w));
		} else if (name && strcmp(name, "-tune-cpu") == 0 &&
			   strcmp(arch_option, "-mtune=") == 0) {
			strv_add(a, out, arena_printf(a, "-mtune=%s", w));
		} else if (name && strcmp(name, "-target-feature") == 0 &&
			   strcmp(arch_option, "-march=") == 0) {
			static const char *const before[] = {"-Xclang", "-target-feature",
							     "-Xclang"};

			for (size_t i = 0; i < 3; i++)
				strv_add(a, out, before[i]);
			strv_add(a, out, w);
		}
		name = w;
	}
}

int native_clang(struct arena *a, const char *driver, const char *path,
		 const struct strv *argv, struct strv *out, struct err *e)
{
	for (size_t i = 0; i < argv->n; i++) {
		const char *word = argv->v[i];
		bool arch = strcmp(word, "-march=native") == 0;

		if (!arch && strcmp(word, "-mtune=native") != 0) {
			strv_add(a, out, word);
			continue;
		}
		const char *const ask[4] = {word};
		char *line = cc1_words(a, driver, path, ask, "-cc1", e);

		if (!line)
			return -1;
		clang_words(a, line, arch ? "-march=" : "-mtune=", out);
	}
	return 0;
}
