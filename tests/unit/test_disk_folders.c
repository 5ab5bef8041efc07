/* Folders as they are remembered: what appears in them, what is only tracked, what walks pass. */
#include "disk_bed.h"
#include "test.h"

enum {
	NOBODY = 65534
};

/* -- below folders --------------------------------------------------------------------------- */

static void subfolder_appears(void)
{
	begin();
	CHECK(!find("", "a/b.h") && !find("", "a/c/d.h") && !is_dir("", "a") &&
	      !is_dir("", "a/c"));
	uint64_t g = generation();

	again();
	CHECK(generation() == g);
	folder("a");
	again();
	CHECK(generation() != g && is_dir("", "a") && !find("", "a/b.h"));
	g = generation();
	put("a/b.h", "1");
	again();
	CHECK(generation() != g && leads_to(find("", "a/b.h"), "a/b.h", "1"));
	CHECK(find("", "a/b.h") == find("a", "b.h")); /* one spelling, one object */
	g = generation();
	folder("a/c");
	put("a/c/d.h", "2");
	again();
	CHECK(generation() != g && is_dir("", "a/c") && is_dir("a", "c"));
	const struct scan_file *f = find("", "a/c/d.h");

	CHECK(leads_to(f, "a/c/d.h", "2"));
	g = generation();
	drop("a/c/d.h");
	drop("a/c");
	again();
	CHECK(generation() != g && version(f) == 0 && !find("", "a/c/d.h") &&
	      !is_dir("", "a/c"));
	CHECK(is_gone("a/c/d.h"));
	folder("a/c");
	put("a/c/d.h", "2");
	again();
	CHECK(find("", "a/c/d.h") == f && leads_to(f, "a/c/d.h", "2") && is_dir("", "a/c"));
	end();
}

static void search_folder_appears(void)
{
	begin();
	CHECK(!find("inc", "a.h") && !find("inc/deep", "a.h"));
	uint64_t g = generation();

	folder("inc");
	again();
	CHECK(generation() != g && !find("inc", "a.h"));
	g = generation();
	folder("inc/deep");
	put("inc/deep/a.h", "1");
	again();
	CHECK(generation() != g && leads_to(find("inc/deep", "a.h"), "inc/deep/a.h", "1"));
	g = generation();
	fs_remove_tree(at("inc"), NULL);
	again();
	CHECK(generation() != g && !find("inc/deep", "a.h") && !is_dir("", "inc"));
	CHECK(is_gone("inc/deep/a.h"));
	end();
}

/* The whole folder goes and comes back with equal content and times. */
static void folder_again(void)
{
	begin();
	folder("inc");
	put("inc/a.h", "1");
	const struct scan_file *f = find("inc", "a.h");
	uint32_t v = version(f);

	for (int i = 0; i < 3; i++) {
		fs_remove_tree(at("inc"), NULL);
		again();
		CHECK(version(f) == 0 && !find("inc", "a.h"));
		uint64_t s = disk_stamp(disk), g = generation();

		folder("inc");
		put("inc/a.h", "1");
		again();
		CHECK(generation() != g && find("inc", "a.h") == f && version(f) &&
		      version(f) != v);
		CHECK(disk_file_stamp(disk, f) > s);
		v = version(f);
	}
	/* … and between two looks, which need not be seen, but must not be believed wrongly */
	fs_remove_tree(at("inc"), NULL);
	folder("inc");
	put("inc/b.h", "2");
	again();
	CHECK(!find("inc", "a.h") && version(f) == 0);
	CHECK(leads_to(find("inc", "b.h"), "inc/b.h", "2"));
	end();
}

/* The name of a subfolder stands there all the time; what it leads to comes later. Two search lists look
 * there, and each must notice by its own track. */
static void linked_folder_appears(void)
{
	begin();
	struct track *other = track_new(disk);

	folder("inc");
	folder("gen");
	link_to("../gen/sub", "inc/sub");
	CHECK(!find("inc", "sub/a.h"));
	disk_begin(disk, other);
	CHECK(!find("inc", "sub/a.h"));
	uint64_t g = generation();

	folder("gen/sub");
	put("gen/sub/a.h", "1");
	disk_begin(disk, other);
	CHECK(generation() != g);
	CHECK(leads_to(find("inc", "sub/a.h"), "gen/sub/a.h", "1"));
	end();
}

static void only_what_is_tracked(void)
{
	begin();
	struct track *other = track_new(disk);

	folder("one");
	folder("two");
	CHECK(!find("one", "a.h"));
	disk_begin(disk, other);
	CHECK(!find("two", "a.h"));
	uint64_t g = generation();

	put("one/a.h", "1");
	disk_begin(disk, other);
	CHECK(generation() == g); /* nothing that this search list has looked at */
	disk_begin(disk, track);
	CHECK(generation() != g && leads_to(find("one", "a.h"), "one/a.h", "1"));
	disk_begin(disk, NULL);
	g = generation();
	put("two/a.h", "2");
	disk_begin(disk, NULL); /* which may have been told of it */
	disk_begin(disk, other);
	CHECK(generation() != g && leads_to(find("two", "a.h"), "two/a.h", "2"));
	end();
}

/* What was looked up for one list is not believed for another: its track lacks the folders. */
static void answers_of_another_list(void)
{
	begin();
	struct track *other = track_new(disk);

	folder("inc");
	CHECK(!find("inc", "sub/a.h"));
	uint64_t g = generation();

	disk_begin(disk, other);
	CHECK(generation() != g);
	disk_begin(disk, track);
	CHECK(generation() == g); /* but by its own it is */
	track_free(other);
	track_free(NULL);
	end();
}

/* A list comes late to a name that others have looked at: what they saw is looked at again. */
static void late_list(void)
{
	begin();
	struct track *other = track_new(disk), *third = track_new(disk);

	folder("inc");
	folder("gen");
	link_to("../gen/sub", "inc/sub");
	CHECK(!find("inc", "sub/a.h") && !find("inc/none", "a.h") &&
	      !find("inc", "none/a.h"));
	folder("gen/sub");
	put("gen/sub/a.h", "1");
	disk_begin(disk, other);
	CHECK(leads_to(find("inc", "sub/a.h"), "gen/sub/a.h", "1"));
	/* The same for a folder of the list itself that another one knows to be missing in its parent. */
	disk_begin(disk, third);
	CHECK(!find("inc/none", "a.h"));
	uint64_t g = generation();

	folder("inc/none");
	put("inc/none/a.h", "1");
	disk_begin(disk, third);
	CHECK(generation() != g && find("inc/none", "a.h"));
	end();
}

/* A folder that one list has found is tracked by the next one that uses it, too. */
static void tracked_twice(void)
{
	begin();
	struct track *other = track_new(disk);

	folder("inc");
	CHECK(!find("inc", "a.h"));
	disk_begin(disk, other);
	CHECK(!find("inc", "a.h"));
	uint64_t g = generation();

	put("inc/a.h", "1");
	disk_begin(disk, other);
	CHECK(generation() != g && find("inc", "a.h"));
	end();
}

static void names_as_spelled(void)
{
	begin();
	folder("inc");
	put("inc/a.h", "1");
	CHECK(leads_to(find("inc/", "a.h"), "inc/a.h", "1"));
	CHECK(leads_to(find("", "inc//a.h"), "inc/a.h", "1"));
	CHECK(leads_to(find("", "./inc/./a.h"), "inc/a.h", "1"));
	CHECK(leads_to(find("nowhere", at("inc/a.h")), "inc/a.h", "1"));
	CHECK(!find("inc", "") && !find("inc", "..") && !find("", "inc") &&
	      !find("", "inc/"));
	CHECK(is_dir("", "inc") && is_dir("nowhere", at("inc")) && !is_dir("", "inc/a.h"));
	CHECK(strcmp(find("", "./inc/./a.h")->path, at("./inc/./a.h")) == 0);
	end();
}

/* -- one folder by two spellings -------------------------------------------------------------- */

/* A worker was told a file by one spelling. It vanishes, and only the other spelling is looked at. */
static void gone_by_another_spelling(void)
{
	begin();
	struct track *other = track_new(disk);

	folder("inc");
	folder("src");
	folder("lib");
	put("inc/x.h", "1");
	CHECK(leads_to(find("src/../inc", "x.h"), "inc/x.h", "1"));
	drop("inc/x.h");
	disk_begin(disk, other);
	CHECK(!find("lib/../inc", "x.h") &&
	      is_gone("inc/x.h")); /* listed for the first time */
	put("inc/x.h", "2");
	disk_begin(disk, track);
	CHECK(leads_to(find("src/../inc", "x.h"), "inc/x.h", "2"));
	drop("inc/x.h");
	size_t before = 0;

	while (disk_gone(disk, before))
		before++;
	disk_begin(disk, other);
	CHECK(!find("lib/../inc", "x.h") && disk_gone(disk, before)); /* listed again */
	CHECK(strcmp(disk_gone(disk, before)->path, at("inc/x.h")) == 0);
	end();
}

/* The same for a folder below: its parent's listing rules it out. */
static void folder_gone_by_another_spelling(void)
{
	begin();
	struct track *other = track_new(disk);

	folder("inc");
	folder("inc/sub");
	folder("src");
	folder("lib");
	put("inc/sub/x.h", "1");
	CHECK(leads_to(find("src/../inc", "sub/x.h"), "inc/sub/x.h", "1"));
	fs_remove_tree(at("inc/sub"), NULL);
	disk_begin(disk, other);
	CHECK(!find("lib/../inc", "sub/x.h") && is_gone("inc/sub/x.h") &&
	      is_gone("inc/sub"));
	end();
}

/* The whole folder is not there when the other spelling comes. */
static void place_gone_by_another_spelling(void)
{
	begin();
	struct track *other = track_new(disk);

	folder("inc");
	folder("src");
	folder("lib");
	put("inc/x.h", "1");
	CHECK(!find("lib/../gen", "x.h")); /* known to be absent … */
	CHECK(leads_to(find("src/../inc", "x.h"), "inc/x.h", "1"));
	fs_remove_tree(at("inc"), NULL);
	disk_begin(disk, other);
	CHECK(!find("lib/../inc", "x.h") && is_gone("inc/x.h") && is_gone("inc"));
	folder("gen");
	put("gen/x.h", "2");
	disk_begin(disk, NULL);
	CHECK(leads_to(find("src/../gen", "x.h"), "gen/x.h", "2"));
	fs_remove_tree(at("gen"), NULL);
	disk_begin(disk, track); /* … now too, but in between it was there */
	CHECK(!find("lib/../gen", "x.h") && is_gone("gen/x.h"));
	end();
}

/* What ".." goes back from is gone: the place behind it cannot be reached by that spelling. */
static void way_back_gone(void)
{
	begin();
	folder("inc");
	folder("tmp");
	put("inc/x.h", "1");
	CHECK(leads_to(find("tmp/../inc", "x.h"), "inc/x.h", "1"));
	drop("tmp");
	again();
	CHECK(!find("tmp/../inc", "x.h") && is_gone("tmp") && !is_gone("inc/x.h"));
	end();
}

/* -- what cannot be read --------------------------------------------------------------------- */

static void become_nobody(void)
{
	if (geteuid() == 0 &&
	    (chown(top, NOBODY, NOBODY) || setresgid(NOBODY, NOBODY, NOBODY) ||
	     setresuid(NOBODY, NOBODY, NOBODY)))
		abort();
}

static void unreadable_file(void)
{
	begin();
	become_nobody();
	put("a.h", "1");
	const struct scan_file *f = find("", "a.h");
	uint32_t v = version(f);
	struct digest d = node(f)->digest;

	CHECK(v);
	chmod(at("a.h"), 0);
	again();
	uint32_t closed = version(f);

	CHECK(closed != v && !node(f) && !disk_by_digest(disk, &d));
	CHECK(!disk_file_fresh(disk, f, disk_stamp(disk)));
	const char *text;
	size_t n;

	/* For the scan it is empty: whoever makes a plan sees that it has no node, and stays here. */
	CHECK(fs()->text(fs()->ctx, f, &text, &n) == 0 && n == 0);
	fs()->done(fs()->ctx, f, text, n);
	chmod(at("a.h"), 0644);
	again();
	CHECK(find("", "a.h") == f && leads_to(f, "a.h", "1") && version(f) != closed);
	end();
}

/* A folder that may be passed but not listed: only trying tells. */
static void unlistable_folder(void)
{
	begin();
	become_nobody();
	folder("inc");
	put("inc/a.h", "1");
	chmod(at("inc"), 0311);
	CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "1") && !find("inc", "b.h"));
	uint64_t g = generation();

	put("inc/b.h", "2");
	again();
	CHECK(generation() != g && leads_to(find("inc", "b.h"), "inc/b.h", "2"));
	drop("inc/b.h");
	again();
	CHECK(!find("inc", "b.h"));
	chmod(at("inc"), 0); /* not even passed */
	again();
	CHECK(!find("inc", "a.h") || !node(find("inc", "a.h")));
	chmod(at("inc"), 0755);
	again();
	CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "1") && !find("inc", "b.h"));
	end();
}

static void odd_things(void)
{
	begin();
	if (mkfifo(at("a.h"), 0644))
		abort();
	/* never opened: that would wait for a writer */
	CHECK(!find("", "a.h") || !node(find("", "a.h")));
	drop("a.h");
	put("a.h", "1");
	again();
	CHECK(leads_to(find("", "a.h"), "a.h", "1"));
	end();
}

static void texts(void)
{
	const char *text;
	size_t n;

	begin();
	put("a.h", "int x;\n");
	put("empty.h", "");
	CHECK(fs()->text(fs()->ctx, find("", "a.h"), &text, &n) == 0);
	CHECK(n == 7 && memcmp(text, "int x;\n", 8) == 0); /* with a NUL behind it */
	fs()->done(fs()->ctx, find("", "a.h"), text, n);
	CHECK(fs()->text(fs()->ctx, find("", "empty.h"), &text, &n) == 0 && n == 0 &&
	      !*text);
	fs()->done(fs()->ctx, find("", "empty.h"), text, n);
	const struct scan_file *f = find("", "a.h");

	drop("a.h");
	CHECK(fs()->text(fs()->ctx, f, &text, &n) == -1);
	end();
}

/* -- walks to places ------------------------------------------------------------------------- */

static enum node_kind walk(const char *name)
{
	walked[0] = 0;
	return disk_walk(disk, at(name), note_node, NULL);
}

static void places(void)
{
	begin();
	CHECK(walk("a/b") == NODE_GONE && strcmp(walked, "d ") == 0);
	folder("a");
	CHECK(walk("a/b") == NODE_GONE && strcmp(walked, "d d/a ") == 0);
	folder("a/b");
	CHECK(walk("a/b") == NODE_DIR && strcmp(walked, "d d/a d/a/b ") == 0);
	CHECK(walk("a/b/") == NODE_DIR && walk("a/./b/.") == NODE_DIR &&
	      walk("a/b/..") == NODE_DIR);
	drop("a/b");
	again();
	CHECK(walk("a/b") == NODE_GONE && strcmp(walked, "d d/a ") == 0);
	CHECK(is_gone("a/b"));
	put("a/b", "1");
	again();
	CHECK(walk("a/b") == NODE_FILE && strcmp(walked, "d d/a f/a/b ") == 0);
	CHECK(walk("a/b/c") == NODE_GONE);
	CHECK(disk_walk(disk, "/", note_node, NULL) == NODE_DIR);
	end();
}

static const struct node *last;

static void keep_node(void *ctx, struct node *n)
{
	(void)ctx;
	last = n;
}

/* A file that no scan asks for, a profile say: it is looked at when it is walked to, in each epoch. */
static void place_changes(void)
{
	struct digest d;

	begin();
	put("x.gcda", "one");
	CHECK(disk_walk(disk, at("x.gcda"), keep_node, NULL) == NODE_FILE);
	uint64_t s = last->stamp;

	put("x.gcda", "two");
	again();
	CHECK(disk_walk(disk, at("x.gcda"), keep_node, NULL) == NODE_FILE);
	hash_bytes("two", 3, &d);
	CHECK(digest_equal(&last->digest, &d) && last->stamp > s);
	drop("x.gcda");
	again();
	CHECK(walk("x.gcda") == NODE_GONE && is_gone("x.gcda"));
	end();
}

/* Fresh is what was walked before the stamp and has not changed on any step of the way. */
static void places_stay_fresh(void)
{
	begin();
	folder("a");
	folder("a/b");
	put("a/f", "1");
	CHECK(walk("a/b") && walk("a/f") && walk("a/no") == NODE_GONE &&
	      walk("no/no") == NODE_GONE);
	uint64_t s = disk_stamp(disk);

	again();
	CHECK(disk_place_fresh(disk, at("a/b"), s) && disk_place_fresh(disk, at("a/f"), s));
	CHECK(disk_place_fresh(disk, at("a/no"), s) &&
	      disk_place_fresh(disk, at("no/no"), s));
	put("a/no", "new");
	folder("no");
	again();
	CHECK(!disk_place_fresh(disk, at("a/no"), s) &&
	      !disk_place_fresh(disk, at("no/no"), s));
	CHECK(disk_place_fresh(disk, at("a/b"), s));
	put("a/f", "2");
	again();
	CHECK(!disk_place_fresh(disk, at("a/f"), s));
	CHECK(walk("a/f") == NODE_FILE && walk("a/no") == NODE_FILE);
	s = disk_stamp(disk);
	CHECK(disk_place_fresh(disk, at("a/f"), s) &&
	      disk_place_fresh(disk, at("a/no"), s));
	drop("a/no");
	fs_remove_tree(at("a/b"), NULL);
	again();
	CHECK(!disk_place_fresh(disk, at("a/no"), s) &&
	      !disk_place_fresh(disk, at("a/b"), s));
	CHECK(!disk_place_fresh(disk, at("a/b/c"),
				s)); /* it was not there, but its folder was */
	CHECK(disk_place_fresh(disk, at("a/no"), disk_stamp(disk)));
	end();
}

/* A file that was named as a place is a folder now, and looked into before it is named again. */
static void place_becomes_folder(void)
{
	begin();
	put("b", "1");
	CHECK(!find("b", "b.h") && !find("b/sub", "b.h"));
	CHECK(walk("b") == NODE_FILE);
	drop("b");
	folder("b");
	folder("b/sub");
	put("b/b.h", "2");
	put("b/sub/b.h", "3");
	again();
	CHECK(leads_to(find("b", "b.h"), "b/b.h", "2"));
	CHECK(leads_to(find("b/sub", "b.h"), "b/sub/b.h", "3"));
	CHECK(walk("b") == NODE_DIR);
	end();
}

TESTS({"a subfolder of a name appears and goes", subfolder_appears},
      {"a folder of the search list appears and goes", search_folder_appears},
      {"a folder comes back with equal content", folder_again},
      {"what a linked folder leads to appears", linked_folder_appears},
      {"a track holds what its list has looked at", only_what_is_tracked},
      {"answers that belong to another list", answers_of_another_list},
      {"a list that comes late", late_list}, {"a folder in two tracks", tracked_twice},
      {"names as they are spelled", names_as_spelled},
      {"a file that cannot be read", unreadable_file},
      {"a folder that cannot be listed", unlistable_folder},
      {"a pipe where a header should be", odd_things}, {"texts", texts},
      {"a file gone by another spelling", gone_by_another_spelling},
      {"a folder gone by another spelling", folder_gone_by_another_spelling},
      {"a place gone by another spelling", place_gone_by_another_spelling},
      {"the way back from a vanished folder", way_back_gone},
      {"a place becomes a folder", place_becomes_folder},
      {"places that stay as they were", places_stay_fresh}, {"walks to places", places},
      {"a place that changes", place_changes})
