#include "base/err.h"
#include "base/mem.h"
#include "cas/known.h"
#include "sys/hash.h"
#include "test.h"
#include "toolchain/elf.h"
#include "toolchain/libs.h"
#include "toolchain/toolchain.h"
#include "toolchain/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static char top[PATH_MAX];

static char *under(const char *name)
{
	return xasprintf("%s/%s", top, name);
}

static void folder(const char *name)
{
	AUTO_FREE char *path = under(name);

	if (mkdir(path, 0755))
		abort();
}

static void file(const char *name, const char *text, mode_t mode)
{
	AUTO_FREE char *path = under(name);
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f) || chmod(path, mode))
		abort();
}

static void link_to(const char *name, const char *target)
{
	AUTO_FREE char *path = under(name);

	if (symlink(target, path))
		abort();
}

static int add(struct tree *t, const char *name, struct err *e)
{
	AUTO_FREE char *path = under(name);

	return tree_add(t, path, NULL, e);
}

static const struct entry *find(const struct tree *t, const char *name)
{
	AUTO_FREE char *path = under(name);

	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].path, path) == 0)
			return &t->v[i];
	return NULL;
}

static bool is_link(const struct tree *t, const char *name, const char *target)
{
	const struct entry *x = find(t, name);

	return x && x->kind == ENTRY_LINK && strcmp(x->target, target) == 0;
}

static bool is_kind(const struct tree *t, const char *name, enum entry_kind kind)
{
	const struct entry *x = find(t, name);

	return x && x->kind == kind;
}

static void tree_links(void)
{
	struct tree t = {.known = known_new()};
	struct err e = {0};
	struct digest d;
	char real[PATH_MAX];
	AUTO_FREE char *absolute = under("alternatives/cc");
	AUTO_FREE char *cc = under("bin/cc"), *end = under("usr/bin/cc-12");

	folder("usr");
	folder("usr/bin");
	folder("usr/lib");
	folder("alternatives");
	link_to("bin", "usr/bin");
	link_to("usr/bin/cc", absolute);
	link_to("alternatives/cc", "../bin/cc-12");
	file("usr/bin/cc-12", "compiler", 0755);
	file("usr/lib/spec", "text", 0644);
	CHECK(tree_add(&t, cc, real, &e) == 1 && strcmp(real, end) == 0);
	CHECK(is_link(&t, "bin", "usr/bin"));
	CHECK(is_link(&t, "usr/bin/cc", absolute));
	CHECK(is_link(&t, "alternatives/cc", "../bin/cc-12"));
	CHECK(is_kind(&t, "alternatives", ENTRY_DIR)); /* ".." is applied to it */
	const struct entry *x = find(&t, "usr/bin/cc-12");

	hash_bytes("compiler", 8, &d);
	CHECK(x && x->kind == ENTRY_FILE && x->mode == 0755 && x->size == 8 &&
	      digest_equal(&x->digest, &d));
	size_t n = t.n;

	CHECK(n == 5 && add(&t, "bin/cc", &e) == 1 && t.n == n);
	CHECK(add(&t, "usr/bin/../lib//./spec", &e) == 1);
	CHECK(is_kind(&t, "usr/bin", ENTRY_DIR) && is_kind(&t, "usr/lib/spec", ENTRY_FILE));
	CHECK(find(&t, "usr/lib/spec")->mode == 0644);
	CHECK(add(&t, "usr/lib", &e) == 1 && is_kind(&t, "usr/lib", ENTRY_DIR));
	tree_sort(&t);
	for (size_t i = 1; i < t.n; i++)
		CHECK(strcmp(t.v[i - 1].path, t.v[i].path) < 0);
	known_free(t.known);
	tree_free(&t);
}

static void tree_absent(void)
{
	struct tree t = {.known = known_new()};
	struct err e = {0};

	folder("d");
	file("d/f", "", 0644);
	link_to("d/dangling", "nothing");
	link_to("d/loop", "loop");
	CHECK(add(&t, "d/none", &e) == 0);
	CHECK(add(&t, "none/deeper", &e) == 0);
	CHECK(add(&t, "d/f/below", &e) == 0 && !find(&t, "d/f"));
	CHECK(add(&t, "d/dangling", &e) == 0 && is_link(&t, "d/dangling", "nothing"));
	CHECK(add(&t, "d/loop", &e) == -1 && e.code == ELOOP);
	CHECK(tree_add(&t, "/dev/null", NULL, &e) == -1 && strstr(e.text, "/dev/null"));
	known_free(t.known);
	tree_free(&t);
}

static void elf(void)
{
	char interpreter[PATH_MAX];
	struct err e = {0};
	AUTO_FREE char *script = under("script"), *damaged = under("damaged");
	AUTO_FREE char *cut = xasprintf("exec head -c 70 /proc/self/exe > '%s'", damaged);

	CHECK(elf_interpreter("/proc/self/exe", interpreter, sizeof interpreter, &e) == 1);
	CHECK(interpreter[0] == '/' && access(interpreter, X_OK) == 0);
	CHECK(elf_interpreter("/proc/self/exe", interpreter, 3, &e) == -1);
	file("script", "#!/bin/sh\nexec gcc \"$@\"\n", 0755);
	CHECK(elf_interpreter(script, interpreter, sizeof interpreter, &e) == -1);
	CHECK(e.code == ENOEXEC && strstr(e.text, "script"));
	CHECK(system(cut) == 0);
	CHECK(elf_interpreter(damaged, interpreter, sizeof interpreter, &e) == -1);
	CHECK(strstr(e.text, "damaged"));
	CHECK(elf_interpreter("/nowhere", interpreter, sizeof interpreter, &e) == -1);
}

static void libraries(void)
{
	struct tree t = {.known = known_new()};
	struct err e = {0};
	bool libc = false;

	char self[PATH_MAX];

	CHECK(realpath("/proc/self/exe", self) && libs_add(&t, self, &e) == 0);
	for (size_t i = 0; i < t.n; i++)
		libc |= strstr(t.v[i].path, "libc.so") || strstr(t.v[i].path, "ld-musl");
	CHECK(libc);
	known_free(t.known);
	tree_free(&t);
}

static bool here(const char *driver)
{
	if (access(driver, X_OK) == 0)
		return true;
	printf("# SKIP: %s is not installed\n", driver);
	return false;
}

static bool has(const struct toolchain *tc, const char *name)
{
	for (size_t i = 0; i < tc->n; i++) {
		const char *base = strrchr(tc->entries[i].path, '/') + 1;

		if (tc->entries[i].kind == ENTRY_FILE && strcmp(base, name) == 0)
			return true;
	}
	return false;
}

static void probe_twice(const char *driver, struct toolchain *out[2])
{
	for (int i = 0; i < 2; i++) {
		struct known *known = known_new();
		struct err e = {0};

		out[i] = toolchain_probe(driver, "/usr/bin:/bin", known, &e);
		if (!CHECK(out[i]))
			printf("# %s\n", e.text);
		known_free(known);
	}
}

static void probe_gcc(void)
{
	struct toolchain *tc[2];

	if (!here("/usr/bin/gcc"))
		return;
	probe_twice("/usr/bin/gcc", tc);
	if (tc[0] && tc[1]) {
		CHECK(digest_equal(&tc[0]->id, &tc[1]->id));
		CHECK(strcmp(tc[0]->driver, "/usr/bin/gcc") == 0);
		CHECK(strncmp(tc[0]->version, "gcc", 3) == 0 &&
		      !strchr(tc[0]->version, '\n'));
		CHECK(strchr(tc[0]->target, '-') && !strchr(tc[0]->target, '\n'));
		CHECK(has(tc[0], "cc1"));
		CHECK(!has(tc[0], "stddef.h") && !has(tc[0], "ld.so.cache"));
		for (size_t i = 1; i < tc[0]->n; i++)
			CHECK(strcmp(tc[0]->entries[i - 1].path, tc[0]->entries[i].path) <
			      0);
	}
	toolchain_free(tc[0]);
	toolchain_free(tc[1]);
}

static void probe_clang(void)
{
	struct toolchain *tc[2];

	if (!here("/usr/bin/clang"))
		return;
	probe_twice("/usr/bin/clang", tc);
	if (tc[0] && tc[1]) {
		CHECK(digest_equal(&tc[0]->id, &tc[1]->id));
		CHECK(strstr(tc[0]->version, "clang version"));
		CHECK(strchr(tc[0]->target, '-') && !strchr(tc[0]->target, '\n'));
	}
	toolchain_free(tc[0]);
	toolchain_free(tc[1]);
}

/* The same bytes under another driver's name are another toolchain. */
static void id_differs(void)
{
	AUTO_FREE char *gcc = under("gcc");
	struct toolchain *a[2], *b[2];

	if (!here("/usr/bin/gcc"))
		return;
	link_to("gcc", "/usr/bin/gcc");
	probe_twice("/usr/bin/gcc", a);
	probe_twice(gcc, b);
	CHECK(a[0] && b[0] && !digest_equal(&a[0]->id, &b[0]->id));
	for (int i = 0; i < 2; i++) {
		toolchain_free(a[i]);
		toolchain_free(b[i]);
	}
}

static void refused(void)
{
	struct known *known = known_new();
	struct err e = {0};
	AUTO_FREE char *script = under("cc"), *wrapper = under("wrapped/gcc");
	AUTO_FREE char *ccache = under("ccache");

	file("cc", "#!/bin/sh\nexec gcc \"$@\"\n", 0755);
	file("ccache", "no matter", 0755);
	folder("wrapped");
	link_to("wrapped/gcc", ccache);
	CHECK(!toolchain_probe("gcc", "/usr/bin", known, &e) && e.code == EINVAL);
	CHECK(!toolchain_probe("/nowhere/gcc", "/usr/bin", known, &e) && e.code == ENOENT);
	CHECK(!toolchain_probe(script, "/usr/bin", known, &e) &&
	      strstr(e.text, "a script?"));
	CHECK(!toolchain_probe(wrapper, "/usr/bin", known, &e) &&
	      strstr(e.text, "is ccache"));
	CHECK(!toolchain_probe("/bin/cat", "/usr/bin", known, &e) &&
	      strstr(e.text, "neither gcc nor clang"));
	if (here("/usr/bin/gcc")) {
		/* "as" is found by PATH only. */
		struct toolchain *tc = toolchain_probe("/usr/bin/gcc", top, known, &e);

		CHECK(tc ? has(tc, "as") : strstr(e.text, "assembler") != NULL);
		toolchain_free(tc);
	}
	known_free(known);
}

/* A toolchain of our own making, so that each way of staging is met. */
static struct toolchain made(struct entry *entries, size_t n)
{
	static char driver[] = "/cc";

	return (struct toolchain){.driver = driver, .entries = entries, .n = n};
}

static struct entry file_entry(const char *path, const char *text, unsigned mode)
{
	struct entry x = {
	    .kind = ENTRY_FILE, .path = path, .size = strlen(text), .mode = mode};
	struct stat st;

	hash_bytes(text, strlen(text), &x.digest);
	x.mtime_s = stat(path, &st) == 0 ? st.st_mtim.tv_sec : 0;
	return x;
}

static bool holds(const char *dir, const char *path, const char *text, struct stat *st)
{
	AUTO_FREE char *staged = xasprintf("%s%s", dir, path);
	AUTO_FD int fd = open(staged, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char got[64];

	return fd >= 0 && fstat(fd, st) == 0 &&
	       read(fd, got, sizeof got) == (ssize_t)strlen(text) &&
	       memcmp(got, text, strlen(text)) == 0;
}

static void staged(void)
{
	AUTO_FREE char *a = under("src/a"), *b = under("src/b"), *l = under("src/l");
	AUTO_FREE char *d = under("src/empty"), *dir = under("stage"), *to = NULL;
	struct err e = {0};
	struct stat original, st;
	char target[16];

	folder("src");
	file("src/a", "linked", 0755);
	file("src/b", "copied", 0640); /* others cannot read it: not to be linked */
	struct entry entries[] = {
	    file_entry(a, "linked", 0755),
	    file_entry(b, "copied", 0644),
	    {.kind = ENTRY_DIR, .path = d    },
	    { .kind = ENTRY_LINK,        .path = l, .target = "a"},
	};
	struct toolchain tc = made(entries, 4);

	entries[1].mtime_s = 1234567;
	CHECK(toolchain_stage(&tc, dir, &e) == 0);
	CHECK(stat(a, &original) == 0 && holds(dir, a, "linked", &st));
	CHECK(st.st_ino == original.st_ino && (st.st_mode & 0777) == 0755);
	CHECK(holds(dir, b, "copied", &st) && stat(b, &original) == 0);
	CHECK(st.st_ino != original.st_ino && (st.st_mode & 0777) == 0644);
	CHECK(st.st_mtim.tv_sec == 1234567);
	to = xasprintf("%s%s", dir, d);
	CHECK(stat(to, &st) == 0 && S_ISDIR(st.st_mode));
	free(to);
	to = xasprintf("%s%s", dir, l);
	CHECK(readlink(to, target, sizeof target) == 1 && target[0] == 'a');
	CHECK(toolchain_stage(&tc, dir, &e) == -1 && e.code == EEXIST);
	CHECK(holds(dir, a, "linked", &st)); /* what was there before is left alone */
}

static void stage_fails(void)
{
	AUTO_FREE char *a = under("src/a"), *b = under("src/b"), *dir = under("stage");
	struct err e = {0};
	struct stat st;

	folder("src");
	file("src/a", "first", 0755);
	file("src/b", "after", 0755);
	struct entry entries[] = {file_entry(a, "first", 0755),
				  file_entry(b, "before", 0755)};
	struct toolchain tc = made(entries, 2);

	CHECK(toolchain_stage(&tc, dir, &e) == -1 && strstr(e.text, "has changed"));
	CHECK(lstat(dir, &st) && errno == ENOENT);
	entries[1].path = "/nowhere/at/all";
	CHECK(toolchain_stage(&tc, dir, &e) == -1 && e.code == ENOENT);
	CHECK(lstat(dir, &st) && errno == ENOENT);
	entries[1].path = "/a/../../b";
	CHECK(toolchain_stage(&tc, dir, &e) == -1 && e.code == EINVAL);
	CHECK(lstat(dir, &st) && errno == ENOENT);
	CHECK(stat(a, &st) == 0 && st.st_nlink == 1);
}

/* Each test gets a fresh folder; its name has no link on the way, which the tree would list. */
static void in_folder(void (*test)(void))
{
	char made_here[] = "/tmp/toolchain-XXXXXX";

	if (!mkdtemp(made_here) || !realpath(made_here, top))
		abort();
	test();
	AUTO_FREE char *remove = xasprintf("exec rm -rf '%s'", top);

	CHECK(system(remove) == 0);
}

#define IN_FOLDER(test) \
	static void test##_in_folder(void) \
	{ \
		in_folder(test); \
	}
IN_FOLDER(tree_links)
IN_FOLDER(tree_absent)
IN_FOLDER(elf)
IN_FOLDER(libraries)
IN_FOLDER(probe_gcc)
IN_FOLDER(probe_clang)
IN_FOLDER(id_differs)
IN_FOLDER(refused)
IN_FOLDER(staged)
IN_FOLDER(stage_fails)

TESTS({"tree: links and folders", tree_links_in_folder},
      {"tree: what is not there", tree_absent_in_folder}, {"elf", elf_in_folder},
      {"libraries", libraries_in_folder}, {"probe gcc", probe_gcc_in_folder},
      {"probe clang", probe_clang_in_folder},
      {"the id differs by driver", id_differs_in_folder}, {"refused", refused_in_folder},
      {"stage", staged_in_folder}, {"stage fails", stage_fails_in_folder})
