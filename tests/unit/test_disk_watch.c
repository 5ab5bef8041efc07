/* Folders that the kernel tells of: what is told must be what a new listing would say, whatever happens to the
 * folder; and where nothing is told, it is listed. */
#include "agent/disk_state.h"
#include "disk_bed.h"
#include "test.h"

#include <sched.h>
#include <sys/mount.h>

/* A folder INC that is watched: it was listed twice. */
static void begin_watched(void)
{
	begin();
	folder("inc");
	CHECK(!find("inc", "a.h"));
	put("inc/x.h", "x");
	again();
	CHECK(!find("inc", "a.h"));
}

static bool is_watched(const char *name)
{
	struct dir *dir = dir_get(disk, at(name));

	return dir->watched != NULL;
}

static void names_come_and_go(void)
{
	struct names set = {0};
	bool there[256] = {0};
	unsigned seed = 1;

	for (int i = 0; i < 20000; i++) {
		seed = seed * 1103515245 + 12345;
		unsigned which = seed >> 16 & 255;
		/* few different homes, so that they stand in each other's way */
		uint64_t hash = (which & 7) | (uint64_t)(which + 1) << 32;

		if (seed >> 24 & 1)
			names_add(&set, hash);
		else
			names_remove(&set, hash);
		there[which] = seed >> 24 & 1;
		unsigned all = 0;

		for (unsigned k = 0; k < 256; k++)
			all += there[k];
		CHECK(set.n == all);
		for (unsigned k = i % 16; k < 256; k += 16)
			CHECK(names_has(&set, (k & 7) | (uint64_t)(k + 1) << 32) ==
			      there[k]);
	}
	names_clear(&set);
}

static void told_of(void)
{
	begin_watched();
	if (!is_watched("inc")) {
		end();
		return; /* no inotify here: the other tests say what counts */
	}
	uint64_t g = generation();

	put("inc/object.o", "1");
	again();
	CHECK(generation() == g); /* nobody asked for that */
	put("inc/a.h", "1");
	again();
	CHECK(generation() != g && leads_to(find("inc", "a.h"), "inc/a.h", "1"));
	put("inc/new", "2");
	move("inc/new", "inc/a.h");
	again();
	CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "2"));
	move("inc/a.h", "elsewhere.h");
	again();
	CHECK(!find("inc", "a.h") && is_gone("inc/a.h"));
	move("elsewhere.h", "inc/a.h");
	again();
	CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "2"));
	drop("inc/a.h");
	again();
	CHECK(!find("inc", "a.h") && is_watched("inc"));
	end();
}

/* The folder's own times say nothing: they are set back. */
static void times_set_back(void)
{
	begin_watched();
	set_time("inc", OLD, 0);
	again();
	CHECK(!find("inc", "a.h"));
	put("inc/a.h", "1");
	set_time("inc", OLD, 0);
	again();
	CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "1"));
	end();
}

/* An earlier folder of the list gets the header that a later one has. */
static void earlier_folder(void)
{
	begin_watched();
	folder("late");
	put("late/a.h", "late");
	CHECK(leads_to(find("late", "a.h"), "late/a.h", "late"));
	put("inc/a.h", "early");
	again();
	CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "early"));
	end();
}

static void folder_replaced(void)
{
	begin_watched();
	put("inc/a.h", "1");
	again();
	CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "1"));
	move("inc", "old");
	folder("inc");
	again();
	CHECK(!find("inc", "a.h") && is_gone("inc/a.h"));
	put("old/b.h", "not here");
	again();
	CHECK(!find("inc", "b.h"));
	put("inc/b.h", "here");
	again();
	CHECK(leads_to(find("inc", "b.h"), "inc/b.h", "here"));
	drop("inc/b.h");
	drop("inc");
	move("old", "inc");
	again();
	CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "1"));
	CHECK(leads_to(find("inc", "b.h"), "inc/b.h", "not here"));
	end();
}

static void link_repointed(void)
{
	begin();
	folder("one");
	folder("two");
	link_to("one", "inc");
	for (int i = 0; i < 3; i++) {
		put("one/x.h", "x");
		put("two/x.h", "x");
		again();
		CHECK(!find("inc", "a.h") && !find("two", "a.h"));
		drop("one/x.h");
		drop("two/x.h");
	}
	put("two/a.h", "2");
	link_to("two", "inc");
	again();
	CHECK(leads_to(find("inc", "a.h"), "two/a.h", "2"));
	put("one/a.h", "1");
	link_to("one", "inc");
	drop("two/a.h");
	again();
	CHECK(leads_to(find("inc", "a.h"), "one/a.h", "1") && !find("two", "a.h"));
	end();
}

/* One folder by two names: both are told. */
static void two_spellings(void)
{
	begin_watched();
	link_to("inc", "also");
	CHECK(!find("also", "a.h"));
	put("inc/y.h", "y");
	again();
	CHECK(!find("also", "a.h") && !find("inc", "a.h"));
	put("also/a.h", "1");
	again();
	CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "1"));
	CHECK(leads_to(find("also", "a.h"), "inc/a.h", "1"));
	drop("inc/a.h");
	again();
	CHECK(!find("also", "a.h") && !find("inc", "a.h"));
	end();
}

static void too_much_to_tell(void)
{
	begin_watched();
	if (is_watched("inc"))
		for (int i = 0; i < 20000; i++) { /* more than the kernel keeps */
			char name[32];

			snprintf(name, sizeof name, "inc/n%d", i % 2);
			close(open(at(name), O_WRONLY | O_CREAT, 0644));
			drop(name);
		}
	put("inc/a.h", "1");
	again();
	CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "1"));
	drop("inc/a.h");
	again();
	CHECK(!find("inc", "a.h"));
	end();
}

static void none_to_be_had(void)
{
	begin();
	watch_close(disk);
	folder("inc");
	for (int i = 0; i < 3; i++) {
		CHECK(!find("inc", "a.h"));
		put("inc/a.h", "1");
		again();
		CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "1") && !is_watched("inc"));
		drop("inc/a.h");
		again();
	}
	end();
}

/* Watches that are taken away while folders stand on them. */
static void lost(void)
{
	begin_watched();
	watch_close(disk);
	put("inc/a.h", "1");
	set_time("inc", OLD, 0);
	again();
	CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "1"));
	end();
}

static void mounted_over(void)
{
	begin_watched();
	put("inc/a.h", "below");
	again();
	CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "below"));
	folder("other");
	put("other/b.h", "above");
	if (unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount(at("other"), at("inc"), NULL, MS_BIND, NULL) == 0) {
		again();
		CHECK(!find("inc", "a.h"));
		CHECK(leads_to(find("inc", "b.h"), "inc/b.h", "above"));
		put("other/a.h", "by the other name"); /* seen through the mount */
		again();
		CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "by the other name"));
		CHECK(umount(at("inc")) == 0);
		again();
		CHECK(leads_to(find("inc", "a.h"), "inc/a.h", "below") &&
		      !find("inc", "b.h"));
	}
	end();
}

TESTS({"names come and go in a set of them", names_come_and_go},
      {"what comes and goes is told", told_of}, {"times set back", times_set_back},
      {"a header in an earlier folder", earlier_folder},
      {"a folder is replaced", folder_replaced}, {"a link is re-pointed", link_repointed},
      {"one folder by two names", two_spellings}, {"too much to tell", too_much_to_tell},
      {"no watches to be had", none_to_be_had}, {"watches are lost", lost},
      {"a mount over a watched folder", mounted_over})
