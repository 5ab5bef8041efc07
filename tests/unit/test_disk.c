/* The user's disk as it is remembered: each test changes a real folder and asks what is still believed.
 * Times are set by hand, so that nothing counts as changed just now unless the test wants it so. */
#include "agent/disk.h"
#include "base/mem.h"
#include "sys/fs.h"
#include "sys/hash.h"
#include "test.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

static char top[64]; /* the folder of this test, canonical */
static struct disk *disk;
static struct track *track;

enum {
	OLD = 1000000000, /* seconds: long ago */
	TEXT = 4200
};

static char *at(const char *name)
{
	static char paths[8][TEXT];
	static unsigned turn;
	char *p = paths[turn++ % 8];

	snprintf(p, TEXT, "%s%s%s", top, *name ? "/" : "", name);
	return p;
}

static void set_time(const char *name, time_t s, long ns)
{
	struct timespec t[2] = {{s, ns}, {s, ns}};

	if (utimensat(AT_FDCWD, at(name), t, AT_SYMLINK_NOFOLLOW))
		abort();
}

static void put(const char *name, const char *text)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
	set_time(name, OLD, 0);
}

static void folder(const char *name)
{
	if (mkdir(at(name), 0755))
		abort();
}

static void link_to(const char *target, const char *name)
{
	unlink(at(name));
	if (symlink(target, at(name)))
		abort();
}

static void move(const char *from, const char *to)
{
	if (rename(at(from), at(to)))
		abort();
}

static void drop(const char *name)
{
	if (remove(at(name)))
		abort();
}

static void begin(void)
{
	strcpy(top, "/tmp/muster-disk-XXXXXX");
	if (!mkdtemp(top))
		abort();
	disk = disk_new();
	track = track_new(disk);
	disk_begin(disk, track);
}

static void end(void)
{
	disk_free(disk);
	fs_remove_tree(top, NULL);
}

static void again(void)
{
	disk_begin(disk, track);
}

static const struct scan_fs *fs(void)
{
	return disk_scan_fs(disk);
}

static const struct scan_file *find(const char *dir, const char *name)
{
	return fs()->find(fs()->ctx, at(dir), name);
}

static bool is_dir(const char *dir, const char *name)
{
	return fs()->is_dir(fs()->ctx, at(dir), name);
}

static uint32_t version(const struct scan_file *f)
{
	return fs()->version(fs()->ctx, f);
}

static uint64_t generation(void)
{
	return fs()->generation(fs()->ctx);
}

static struct node *node(const struct scan_file *f)
{
	return f ? disk_file_node(disk, f) : NULL;
}

/* The node at the end of FILE is NAME, with these bytes. */
static bool leads_to(const struct scan_file *f, const char *name, const char *text)
{
	struct digest d;

	if (!f || !version(f))
		return false;
	struct node *n = node(f);

	hash_bytes(text, strlen(text), &d);
	return n && strcmp(n->path, at(name)) == 0 && digest_equal(&n->digest, &d);
}

/* All nodes of a walk as "kind name, …" without those above TOP. */
static char walked[2 * TEXT];

static void note_node(void *ctx, struct node *n)
{
	size_t len = strlen(walked), skip = strlen(top);

	(void)ctx;
	if (strncmp(n->path, top, skip) != 0)
		return;
	snprintf(walked + len, sizeof walked - len, "%c%s ", "-dfl?"[n->kind], n->path + skip);
}

static const char *walk_file(const struct scan_file *f)
{
	walked[0] = 0;
	disk_file_walk(disk, f, note_node, NULL);
	return walked;
}

static bool is_gone(const char *name)
{
	for (size_t i = 0; disk_gone(disk, i); i++)
		if (strcmp(disk_gone(disk, i)->path, at(name)) == 0)
			return true;
	return false;
}

/* -- files ----------------------------------------------------------------------------------- */

static void appears_and_goes(void)
{
	begin();
	CHECK(!find("", "a.h"));
	uint64_t g = generation();

	again();
	CHECK(generation() == g); /* nothing happened */
	put("other.h", "1");
	again();
	CHECK(generation() == g); /* nobody asked for that */
	put("a.h", "1");
	again();
	CHECK(generation() != g);
	const struct scan_file *f = find("", "a.h");

	CHECK(f && version(f) && leads_to(f, "a.h", "1"));
	CHECK(strcmp(f->path, at("a.h")) == 0 && disk_find(disk, at("a.h")) == f);
	g = generation();
	uint32_t v = version(f);

	again();
	CHECK(generation() == g && version(f) == v);
	drop("a.h");
	again();
	CHECK(generation() != g && !find("", "a.h") && version(f) == 0 && !node(f));
	CHECK(is_gone("a.h"));
	put("a.h", "1");
	again();
	CHECK(find("", "a.h") == f); /* one object a spelling, for ever */
	CHECK(version(f) != 0 && version(f) != v);
	end();
}

static void other_bytes(void)
{
	begin();
	put("a.h", "one");
	const struct scan_file *f = find("", "a.h");
	uint32_t v = version(f);
	uint64_t g = generation(), s = disk_file_stamp(disk, f);

	put("a.h", "two");
	CHECK(version(f) == v); /* once an epoch */
	again();
	CHECK(version(f) != v && leads_to(f, "a.h", "two"));
	CHECK(generation() == g); /* its name is where it was */
	CHECK(disk_file_stamp(disk, f) > s && disk_file_stamp(disk, f) <= disk_stamp(disk));
	CHECK(!disk_file_fresh(disk, f, s) && disk_file_fresh(disk, f, disk_stamp(disk)));
	end();
}

static void other_time(void)
{
	begin();
	put("a.h", "one");
	const struct scan_file *f = find("", "a.h");
	uint32_t v = version(f);
	uint64_t s = disk_file_stamp(disk, f);

	set_time("a.h", OLD, 5); /* within the second: no compiler sees it */
	again();
	CHECK(version(f) == v && disk_file_stamp(disk, f) == s && disk_file_fresh(disk, f, s));
	set_time("a.h", OLD + 1, 0);
	again();
	CHECK(version(f) == v && disk_file_stamp(disk, f) > s && !disk_file_fresh(disk, f, s));
	s = disk_stamp(disk);
	chmod(at("a.h"), 0755);
	again();
	CHECK(version(f) == v && disk_file_stamp(disk, f) > s);
	end();
}

static void same_again(void)
{
	begin();
	put("a.h", "one");
	const struct scan_file *f = find("", "a.h");
	uint32_t v = version(f);
	uint64_t s = disk_stamp(disk);

	/* Removed and made anew between two looks: another inode, nothing else. */
	put("new", "one");
	drop("a.h");
	move("new", "a.h");
	again();
	CHECK(find("", "a.h") == f && version(f) == v && disk_file_fresh(disk, f, s));
	end();
}

/* Written twice within one tick of the clock, of equal size: times tell nothing. */
static void racy(void)
{
	begin();
	int fd = open(at("a.h"), O_RDWR | O_CREAT, 0644);
	struct stat st;

	for (int i = 0; i < 50; i++) {
		char text[3] = {(char)('a' + i % 26), (char)('a' + i / 26), 0};

		CHECK(pwrite(fd, text, 2, 0) == 2);
		again();
		const struct scan_file *f = find("", "a.h");

		CHECK(leads_to(f, "a.h", text));
		/* also with its old time set again: only the time of change tells */
		set_time("a.h", OLD, 0);
		again();
		CHECK(leads_to(f, "a.h", text));
	}
	CHECK(fstat(fd, &st) == 0 && st.st_size == 2);
	close(fd);
	end();
}

/* Names that come and go within one tick of their folder's time. */
static void racy_folder(void)
{
	begin();
	for (int i = 0; i < 50; i++) {
		again();
		CHECK(!find("", "a.h"));
		put("a.h", "x");
		again();
		CHECK(find("", "a.h"));
		drop("a.h");
	}
	end();
}

static void node_same(void)
{
	begin();
	put("a.h", "one");
	const struct scan_file *f = find("", "a.h");

	version(f);
	struct node *n = node(f);

	CHECK(disk_node_same(disk, n));
	put("a.h", "two");
	CHECK(!disk_node_same(disk, n)); /* within the epoch */
	CHECK(disk_node_same(disk, n));
	drop("a.h");
	CHECK(!disk_node_same(disk, n) && n->kind == NODE_GONE);
	end();
}

static void by_digest(void)
{
	struct digest one, two;

	begin();
	hash_bytes("one", 3, &one);
	hash_bytes("two", 3, &two);
	put("a.h", "one");
	put("b.h", "one");
	const struct scan_file *a = find("", "a.h"), *b = find("", "b.h");

	CHECK(version(a) != version(b)); /* two files, though alike */
	CHECK(disk_by_digest(disk, &one) == node(a) || disk_by_digest(disk, &one) == node(b));
	CHECK(!disk_by_digest(disk, &two));
	put("a.h", "two");
	again();
	version(a), version(b);
	CHECK(disk_by_digest(disk, &two) == node(a));
	CHECK(disk_by_digest(disk, &one) == node(b)); /* the other one still has it */
	put("b.h", "two");
	again();
	version(a), version(b);
	CHECK(!disk_by_digest(disk, &one));
	drop("a.h");
	again();
	version(a), version(b);
	CHECK(disk_by_digest(disk, &two) == node(b));
	drop("b.h");
	again();
	version(b);
	CHECK(!disk_by_digest(disk, &two));
	end();
}

/* -- links ----------------------------------------------------------------------------------- */

static void link_moves(void)
{
	begin();
	put("one.h", "one");
	put("two.h", "two");
	link_to("one.h", "a.h");
	const struct scan_file *f = find("", "a.h");

	CHECK(leads_to(f, "one.h", "one"));
	CHECK(strcmp(walk_file(f), "d l/a.h f/one.h ") == 0);
	uint64_t s = disk_stamp(disk);
	uint32_t v = version(f);

	link_to("two.h", "a.h");
	again();
	CHECK(find("", "a.h") == f && version(f) != v && leads_to(f, "two.h", "two"));
	CHECK(disk_file_stamp(disk, f) > s && !disk_file_fresh(disk, f, s));
	link_to(at("one.h"), "a.h"); /* absolute: the same end */
	again();
	CHECK(leads_to(f, "one.h", "one") && version(f) == v);
	end();
}

/* The name stands all the time; only what it leads to comes and goes. */
static void link_dangles(void)
{
	begin();
	folder("gen");
	folder("inc");
	link_to("../gen/a.h", "inc/a.h");
	CHECK(!find("inc", "a.h"));
	uint64_t g = generation();

	again();
	CHECK(generation() == g && !find("inc", "a.h"));
	put("gen/a.h", "1");
	again();
	CHECK(generation() != g);
	const struct scan_file *f = find("inc", "a.h");

	CHECK(leads_to(f, "gen/a.h", "1"));
	drop("gen/a.h");
	again();
	CHECK(version(f) == 0 && !find("inc", "a.h"));
	g = generation();
	put("gen/a.h", "2");
	again();
	CHECK(generation() != g && leads_to(find("inc", "a.h"), "gen/a.h", "2"));
	end();
}

static void folder_becomes_file(void)
{
	begin();
	folder("a.h");
	CHECK(!find("", "a.h"));
	uint64_t g = generation();

	drop("a.h");
	put("a.h", "1");
	again();
	const struct scan_file *f = find("", "a.h");

	CHECK(generation() != g && leads_to(f, "a.h", "1"));
	g = generation();
	drop("a.h");
	folder("a.h");
	again();
	CHECK(version(f) == 0 && generation() != g && !find("", "a.h"));
	end();
}

/* A folder gives way to a link to where it went, and comes back: on a worker that was told both, all that
 * was below it has to be told again, although not one time of it has changed. */
static void folder_becomes_link(void)
{
	begin();
	folder("d");
	folder("d/sub");
	put("d/sub/a.h", "1");
	const struct scan_file *f = find("d/sub", "a.h");

	CHECK(is_dir("", "d") && leads_to(f, "d/sub/a.h", "1"));
	CHECK(strcmp(walk_file(f), "d d/d d/d/sub f/d/sub/a.h ") == 0);
	move("d", "e");
	link_to("e", "d");
	again();
	walked[0] = 0;
	CHECK(disk_walk(disk, at("d"), note_node, NULL) == NODE_DIR);
	CHECK(strcmp(walked, "d l/d d/e ") == 0);
	CHECK(find("d/sub", "a.h") == f && leads_to(f, "e/sub/a.h", "1"));
	CHECK(strcmp(walk_file(f), "d l/d d/e d/e/sub f/e/sub/a.h ") == 0);
	CHECK(is_gone("d/sub") && is_gone("d/sub/a.h"));
	uint64_t s = disk_stamp(disk);

	drop("d");
	move("e", "d");
	again();
	walked[0] = 0;
	CHECK(disk_walk(disk, at("d"), note_node, NULL) == NODE_DIR);
	CHECK(strcmp(walked, "d d/d ") == 0);
	CHECK(leads_to(find("d/sub", "a.h"), "d/sub/a.h", "1"));
	CHECK(node(f)->stamp > s && disk_file_stamp(disk, f) > s);
	end();
}

static void link_to_folder_moves(void)
{
	begin();
	folder("one");
	folder("two");
	put("one/a.h", "one");
	put("two/a.h", "two");
	link_to("one", "inc");
	const struct scan_file *f = find("inc", "a.h");

	CHECK(leads_to(f, "one/a.h", "one"));
	CHECK(strcmp(walk_file(f), "d l/inc d/one f/one/a.h ") == 0);
	link_to("two", "inc");
	again();
	CHECK(leads_to(f, "two/a.h", "two"));
	drop("inc");
	folder("inc");
	put("inc/a.h", "three");
	again();
	CHECK(leads_to(f, "inc/a.h", "three"));
	end();
}

static void dots_behind_a_link(void)
{
	begin();
	folder("deep");
	folder("deep/dir");
	put("deep/a.h", "right");
	put("a.h", "wrong");
	link_to("deep/dir", "l");
	const struct scan_file *f = find("l/..", "a.h");

	CHECK(leads_to(f, "deep/a.h", "right"));
	CHECK(strcmp(walk_file(f), "d l/l d/deep d/deep/dir f/deep/a.h ") == 0);
	CHECK(leads_to(find("", "l/../a.h"), "deep/a.h", "right"));
	CHECK(leads_to(find("deep/dir/..", "../a.h"), "a.h", "wrong"));
	CHECK(leads_to(find("deep/dir", "./.././a.h"), "deep/a.h", "right"));
	CHECK(!find("", "nothing/../a.h"));
	CHECK(!find("", "a.h/../a.h"));
	/* and the link is turned */
	folder("x");
	link_to("x", "l");
	again();
	CHECK(leads_to(f, "a.h", "wrong"));
	CHECK(leads_to(find("l/..", "a.h"), "a.h", "wrong"));
	end();
}

static void link_loops(void)
{
	begin();
	link_to("b", "a");
	link_to("a", "b");
	link_to("self/x", "self");
	CHECK(!find("", "a"));
	CHECK(!find("", "self"));
	CHECK(!find("self", "a.h"));
	CHECK(!is_dir("", "a"));
	walked[0] = 0;
	CHECK(disk_walk(disk, at("a/x"), note_node, NULL) == NODE_GONE);
	put("c", "1");
	link_to("c", "a");
	again();
	CHECK(leads_to(find("", "a"), "c", "1") && leads_to(find("", "b"), "c", "1"));
	end();
}

TESTS({"a file appears, goes, comes back", appears_and_goes}, {"other bytes", other_bytes},
      {"the same bytes with another time or mode", other_time},
      {"removed and made anew with equal content", same_again},
      {"changes within one tick of the clock", racy},
      {"names that come and go within one tick", racy_folder},
      {"a node looked at again at once", node_same}, {"files by their digest", by_digest},
      {"a link is turned", link_moves}, {"what a link leads to comes and goes", link_dangles},
      {"a folder becomes a file and back", folder_becomes_file},
      {"a folder becomes a link and back", folder_becomes_link},
      {"a link to a folder is turned, or becomes one", link_to_folder_moves},
      {".. is where the link leads", dots_behind_a_link}, {"links in a circle", link_loops})
