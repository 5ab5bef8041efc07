/* What `muster doctor` makes of what it sees: for each thing that a user may have wrong,
 * that it is found, and what is advised; and that nothing is found where nothing is
 * wrong. */
#include "base/mem.h"
#include "cli/doctor.h"
#include "cli/doctor_agent.h"
#include "cli/doctor_hosts.h"
#include "cli/doctor_machine.h"
#include "cli/doctor_path.h"
#include "cli/doctor_scheduler.h"
#include "cli/farm_look.h"
#include "test.h"

#include <errno.h>
#include <string.h>

static struct doctor *new_doctor(void)
{
	struct doctor *d = xcalloc(1, sizeof *d);

	d->arena = arena_new();
	return d;
}

static void end(struct doctor *d)
{
	doctor_free(d);
	arena_free(d->arena);
	free(d);
}

/* Is there a finding of this LEVEL and GROUP with WORDS in it, and ADVICE in its remedy? */
static bool found(const struct doctor *d, enum doctor_level level, enum doctor_group group,
		  const char *words, const char *advice)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct finding *f = &d->v[i];

		if (f->level == level && f->group == group && strstr(f->text, words) &&
		    strstr(f->remedy, advice))
			return true;
	}
	for (size_t i = 0; i < d->n; i++)
		printf("# %d %d %s | %s\n", d->v[i].level, d->v[i].group, d->v[i].text,
		       d->v[i].remedy);
	return false;
}

#define WRONG(d, group, words, advice) CHECK(found(d, DOCTOR_WRONG, group, words, advice))
#define NOTE(d, group, words, advice)  CHECK(found(d, DOCTOR_NOTE, group, words, advice))
#define OK(d, group, words)            CHECK(found(d, DOCTOR_OK, group, words, ""))

static bool all_well(const struct doctor *d)
{
	return d->n > 0 && doctor_count(d, DOCTOR_OK) == d->n;
}

/* ---- findings ---- */

static void text_and_json(void)
{
	struct doctor *d = new_doctor();
	struct buf out = {0};

	doctor_say(d, DOCTOR_AGENT, DOCTOR_OK, "a %d", 1);
	doctor_say(d, DOCTOR_HOSTS, DOCTOR_WRONG, "b\n\033[31m\"%s\"", "x\ty");
	doctor_advise(d, "Do %s.", "that");
	doctor_text(&out, d, false);
	buf_u8(&out, 0);
	CHECK(strcmp(out.data, "ok     agent        a 1\n"
			       "wrong  hosts        b  [31m\"x y\" Do that.\n") == 0);
	out.len = 0;
	doctor_text(&out, d, true);
	buf_u8(&out, 0);
	CHECK(strncmp(out.data, "wrong", 5) == 0);
	out.len = 0;
	doctor_json(&out, d, true);
	buf_u8(&out, 0);
	CHECK(
	    strcmp(out.data,
		   "{\"wrong\": 1, \"notes\": 0, \"findings\": [\n {\"group\": \"hosts\", "
		   "\"level\": \"wrong\", \"text\": \"b  [31m\\\"x y\\\"\", \"remedy\": "
		   "\"Do that.\"}\n]}\n") == 0);
	for (int i = 0; i < 100; i++)
		doctor_say(d, DOCTOR_HOSTS, DOCTOR_NOTE, "%d", i);
	CHECK(doctor_count(d, DOCTOR_NOTE) == 100);
	buf_free(&out);
	end(d);
}

static void lists_of_names(void)
{
	struct arena *a = arena_new();
	const char *v[] = {"a", "b", "c", "d", "e", "f", "g", "h"};

	CHECK(strcmp(doctor_names(a, v, 0), "") == 0);
	CHECK(strcmp(doctor_names(a, v, 2), "a, b") == 0);
	CHECK(strcmp(doctor_names(a, v, 6), "a, b, c, d, e, f") == 0);
	CHECK(strcmp(doctor_names(a, v, 8), "a, b, c, d, e, f and 2 more") == 0);
	arena_free(a);
}

/* ---- PATH ---- */

static const char *const dirs[] = {"/0", "/1", "/2"};

static struct path_facts path_of(const struct program *v, size_t n)
{
	struct path_facts f = {.dirs = dirs, .ndirs = 3, .v = v, .n = n};

	f.cc[0].variable = "CC";
	f.cc[1].variable = "CXX";
	f.ccache_prefix.variable = "CCACHE_PREFIX";
	return f;
}

#define PATH_OF(...) \
	path_of((const struct program[]){__VA_ARGS__}, \
		sizeof((const struct program[]){__VA_ARGS__}) / sizeof(struct program))

static struct doctor *judge_path(struct path_facts f)
{
	struct doctor *d = new_doctor();

	doctor_path_judge(d, &f);
	doctor_ccache_judge(d, &f);
	return d;
}

static void path_well(void)
{
	struct doctor *d =
	    judge_path(PATH_OF({0, "gcc", PROGRAM_OURS}, {1, "gcc", PROGRAM_REAL}));

	CHECK(all_well(d));
	OK(d, DOCTOR_COMPILERS, "/1/gcc");
	OK(d, DOCTOR_LINKS, "/0, our folder");
	end(d);
}

static void path_without_compilers(void)
{
	struct doctor *d = judge_path(path_of(NULL, 0));

	WRONG(d, DOCTOR_COMPILERS, "No C or C++ compiler", "Install");
	NOTE(d, DOCTOR_LINKS, "Nothing sends", "muster run make");
	end(d);
	d = judge_path(PATH_OF({0, "clang", PROGRAM_WRAPPER}, {1, "gcc", PROGRAM_REAL}));
	NOTE(d, DOCTOR_COMPILERS, "wrappers called clang", "Install");
	end(d);
}

static void path_order(void)
{
	struct doctor *d =
	    judge_path(PATH_OF({0, "gcc", PROGRAM_REAL}, {1, "gcc", PROGRAM_OURS}));

	WRONG(d, DOCTOR_LINKS, "/0 stands before /1", "export PATH=\"/1:$PATH\"");
	end(d);
	d = judge_path(PATH_OF({0, "gcc", PROGRAM_WRAPPER}, {1, "gcc", PROGRAM_OURS},
			       {2, "gcc", PROGRAM_REAL}));
	WRONG(d, DOCTOR_LINKS, "/0 stands before /1", "export PATH");
	end(d);
	/* A compiler of another name in front does no harm. */
	d = judge_path(PATH_OF({0, "clang", PROGRAM_REAL}, {1, "clang", PROGRAM_OURS},
			       {1, "gcc", PROGRAM_OURS}, {2, "gcc", PROGRAM_REAL}));
	WRONG(d, DOCTOR_LINKS, "so clang there is called", "");
	end(d);
}

static void path_with_ccache(void)
{
	struct path_facts f = PATH_OF({0, "gcc", PROGRAM_CCACHE}, {1, "gcc", PROGRAM_OURS},
				      {2, "gcc", PROGRAM_REAL});
	struct doctor *d;

	f.ccache_version = "4.7.5";
	d = judge_path(f);
	OK(d, DOCTOR_LINKS, "/0, ccache's folder, stands before");
	CHECK(doctor_count(d, DOCTOR_WRONG) == 0);
	NOTE(d, DOCTOR_CCACHE, "takes our link for the compiler",
	     "CCACHE_PREFIX=muster-cc");
	end(d);
	f.ccache_checks_content = true;
	d = judge_path(f);
	CHECK(all_well(d));
	end(d);
	d = judge_path(PATH_OF({0, "gcc", PROGRAM_OURS}, {1, "gcc", PROGRAM_CCACHE},
			       {2, "gcc", PROGRAM_REAL}));
	WRONG(d, DOCTOR_LINKS, "/1, ccache's folder, stands behind /0",
	      "PATH=\"/1:$PATH\"");
	end(d);
}

static void path_links(void)
{
	struct doctor *d =
	    judge_path(PATH_OF({0, "gcc", PROGRAM_OURS}, {0, "gcc-9", PROGRAM_STALE},
			       {0, "gcc-11", PROGRAM_OURS}, {1, "gcc", PROGRAM_REAL},
			       {1, "clang", PROGRAM_REAL}));

	WRONG(d, DOCTOR_LINKS, "gcc-9 leads to a muster-cc that is gone",
	      "muster links /0");
	WRONG(d, DOCTOR_LINKS, "gcc-11 is a link to muster-cc without", "muster links /0");
	NOTE(d, DOCTOR_LINKS, "no link called clang", "muster links /0");
	end(d);
	d = judge_path(PATH_OF({1, "gcc", PROGRAM_STALE}, {2, "gcc", PROGRAM_REAL}));
	WRONG(d, DOCTOR_LINKS, "In /1, gcc leads", "muster links /1");
	end(d);
}

static void variables_cc(void)
{
	struct path_facts f = PATH_OF({0, "gcc", PROGRAM_OURS}, {1, "gcc", PROGRAM_REAL});
	struct doctor *d;

	f.cc[0] = (struct named_program){"CC", "/usr/bin/gcc -m32", PROGRAM_REAL};
	d = judge_path(f);
	WRONG(d, DOCTOR_LINKS, "CC=/usr/bin/gcc -m32 passes our links by", "muster-cc");
	end(d);
	f.cc[0] = (struct named_program){"CC", "gcc -I/usr/x", PROGRAM_OURS};
	f.cc[1] = (struct named_program){"CXX", "g+++", PROGRAM_NONE};
	d = judge_path(f);
	OK(d, DOCTOR_LINKS, "CC=gcc -I/usr/x leads to muster");
	WRONG(d, DOCTOR_LINKS, "CXX=g+++: there is no such program", "unset CXX");
	end(d);
	/* A way of its own: no folder on PATH is needed. */
	f = PATH_OF({1, "gcc", PROGRAM_REAL});
	f.cc[0] = (struct named_program){"CC", "muster-cc gcc", PROGRAM_OURS};
	d = judge_path(f);
	CHECK(all_well(d));
	end(d);
	f.cc[0] = (struct named_program){"CC", "/usr/bin/gcc", PROGRAM_REAL};
	d = judge_path(f);
	CHECK(doctor_count(d, DOCTOR_WRONG) == 0);
	NOTE(d, DOCTOR_LINKS, "Nothing sends", "muster run");
	end(d);
}

static void variable_ccache_prefix(void)
{
	struct path_facts f = PATH_OF({1, "gcc", PROGRAM_REAL});
	struct doctor *d;

	f.ccache_version = "4.7.5";
	f.ccache_prefix =
	    (struct named_program){"CCACHE_PREFIX", "muster-cc", PROGRAM_OURS};
	d = judge_path(f);
	CHECK(all_well(d));
	end(d);
	f.ccache_prefix =
	    (struct named_program){"CCACHE_PREFIX", "distcc", PROGRAM_WRAPPER};
	f.ccache_disabled = true;
	d = judge_path(f);
	WRONG(d, DOCTOR_CCACHE, "CCACHE_PREFIX=distcc is not muster-cc", "muster-cc");
	NOTE(d, DOCTOR_CCACHE, "CCACHE_DISABLE", "");
	end(d);
}

/* ---- the agent ---- */

static struct agent_facts good_agent(void)
{
	return (struct agent_facts){.dir = "/run/m",
				    .folder = FOLDER_OURS,
				    .socket_length = 17,
				    .socket_max = 107,
				    .program = "/usr/bin/muster-agent",
				    .program_runs = true,
				    .running = true,
				    .version = "1.0",
				    .our_version = "1.0",
				    .pid = 7,
				    .total = 10,
				    .remote = 9};
}

static struct doctor *judge_agent(struct agent_facts f)
{
	struct doctor *d = new_doctor();

	doctor_agent_judge(d, &f);
	return d;
}

static void agent_well(void)
{
	struct agent_facts f = good_agent();
	struct doctor *d = judge_agent(f);

	CHECK(all_well(d));
	end(d);
	f.running = false;
	f.folder = FOLDER_ABSENT;
	d = judge_agent(f);
	CHECK(all_well(d));
	OK(d, DOCTOR_AGENT, "None runs; the first compile starts");
	end(d);
}

static void agent_folders(void)
{
	static const struct {
		enum folder_state state;
		const char *words, *advice;
	} cases[] = {
	    {FOLDER_IMPOSSIBLE, "too long",         "at most 96 bytes" },
	    {FOLDER_FOREIGN,    "another user",     "MUSTER_STATE_DIR" },
	    {FOLDER_OPEN,       "Others can write", "chmod go-w /run/m"},
	    {FOLDER_NO_FOLDER,  "is none",          "MUSTER_STATE_DIR" }
        };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct agent_facts f = good_agent();

		f.folder = cases[i].state;
		f.running = false;
		struct doctor *d = judge_agent(f);

		WRONG(d, DOCTOR_AGENT, cases[i].words, cases[i].advice);
		end(d);
	}
}

static void agent_troubles(void)
{
	struct agent_facts f = good_agent();
	struct doctor *d;

	f.version = "0.9";
	f.other_mounts = true;
	f.remote = 0;
	f.last_error = "cannot serve";
	d = judge_agent(f);
	WRONG(d, DOCTOR_AGENT, "muster 0.9 and this is 1.0", "muster stop");
	WRONG(d, DOCTOR_AGENT, "other mounts", "MUSTER_STATE_DIR");
	NOTE(d, DOCTOR_AGENT, "All 10 compiles that it has seen ran here", "muster status");
	NOTE(d, DOCTOR_AGENT, "/run/m/agent.log: cannot serve", "");
	end(d);
	f = good_agent();
	f.running = false;
	f.trouble = "it hung up";
	f.program_runs = false;
	d = judge_agent(f);
	WRONG(d, DOCTOR_AGENT, "cannot be asked: it hung up", "muster stop");
	WRONG(d, DOCTOR_AGENT, "muster-agent cannot be run", "MUSTER_AGENT");
	end(d);
}

static void log_errors(void)
{
	static const char log[] = "<3>a: old\n<2>a: bad\n<4>a: warned\n<30>\n<3\n\n<3>";
	struct arena *a = arena_new();
	const char *last = doctor_last_error(a, log, sizeof log - 1);

	CHECK(last && strcmp(last, "a: bad") == 0);
	last = doctor_last_error(a, "<3>x", 4); /* an end without a newline */
	CHECK(last && strcmp(last, "x") == 0);
	CHECK(!doctor_last_error(a, "<5>x\n", 5) && !doctor_last_error(a, "", 0));
	arena_free(a);
}

/* ---- hosts ---- */

static const struct agent_facts no_agent;
static struct host tcp = {
    .kind = HOST_TCP, .word = (char[]){"big:9"}, .name = (char[]){"big"}, .port = 9};

static struct host_facts heard(enum host_voice voice)
{
	struct host_facts f = {.host = &tcp, .voice = voice, .latency_ms = 3};

	f.capacity.answers = f.capacity.confined = true;
	f.capacity.slots = 4;
	memcpy(f.capacity.software, "muster 1", 9);
	return f;
}

static struct doctor *judge_hosts(struct host_facts h, const struct agent_facts *agent)
{
	struct doctor *d = new_doctor();
	struct hosts_facts f = {.from = "MUSTER_HOSTS",
				.v = &h,
				.n = 1,
				.compiler = "gcc",
				.our_software = "muster 1",
				.agent = agent};

	doctor_hosts_judge(d, &f);
	return d;
}

static void hosts_well(void)
{
	struct agent_facts agent = good_agent();
	struct known_worker w = {"big:9", true, ""};
	struct doctor *d = judge_hosts(heard(VOICE_MUSTER), &no_agent);

	CHECK(all_well(d));
	OK(d, DOCTOR_HOSTS, "big:9 answers in 3 ms (muster 1, 4 slots, confines");
	OK(d, DOCTOR_HOSTS, "is told by the first compile");
	OK(d, DOCTOR_HOSTS, "clocks");
	end(d);
	agent.workers = &w;
	agent.nworkers = 1;
	d = judge_hosts(heard(VOICE_DISTCCD), &agent);
	CHECK(all_well(d));
	OK(d, DOCTOR_HOSTS, "no worker that lacks our compilers");
	end(d);
}

static void hosts_unheard(void)
{
	static const struct {
		enum host_voice voice;
		const char *words, *advice;
	} cases[] = {
	    {VOICE_NO_NAME,   "the name big has no address",      "/etc/hosts"        },
	    {VOICE_REFUSED,   "nothing listens on port 9",        "--listen ADDRESS:9"},
	    {VOICE_NO_ANSWER, "within 3 ms",                      "firewall"          },
	    {VOICE_AVERSE,    "do not let each other in",         "one key file"      },
	    {VOICE_SLAMMED,   "without a word",                   "--allow"           },
	    {VOICE_USELESS,   "does not compile a line with gcc", "not installed"     }
        };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct doctor *d = judge_hosts(heard(cases[i].voice), &no_agent);

		WRONG(d, DOCTOR_HOSTS, cases[i].words, cases[i].advice);
		CHECK(doctor_count(d, DOCTOR_WRONG) == 1);
		end(d);
	}
	struct host_facts h = heard(VOICE_USELESS);

	h.capacity.answers = false;
	memcpy(h.capacity.why, "it says nothing", 16);
	struct doctor *d = judge_hosts(h, &no_agent);

	WRONG(d, DOCTOR_HOSTS, "gets no jobs: it says nothing", "another service");
	end(d);
}

static void hosts_odd(void)
{
	struct host_facts h = heard(VOICE_MUSTER);
	struct doctor *d;

	h.capacity.confined = false;
	memcpy(h.capacity.unconfined_why, "no userns", 10);
	memcpy(h.capacity.software, "muster 0", 9);
	h.capacity.slots = 0;
	d = judge_hosts(h, &no_agent);
	NOTE(d, DOCTOR_HOSTS, "cannot confine compiles (no userns)", "on that machine");
	NOTE(d, DOCTOR_HOSTS, "is muster 0 and this is muster 1", "Update");
	WRONG(d, DOCTOR_HOSTS, "no slots", "--slots");
	end(d);
	h = heard(VOICE_UNASKED);
	h.repeated = true;
	d = judge_hosts(h, &no_agent);
	NOTE(d, DOCTOR_HOSTS, "more than once", "once");
	end(d);
	struct host ssh = {.kind = HOST_SSH,
			   .word = (char[]){"me@far"},
			   .name = (char[]){"far"},
			   .user = (char[]){"me"}};

	d = judge_hosts((struct host_facts){.host = &ssh}, &no_agent);
	NOTE(d, DOCTOR_HOSTS, "ssh -o BatchMode=yes me@far true", "");
	end(d);
}

static void hosts_compilers(void)
{
	struct agent_facts agent = good_agent();
	struct known_worker w[] = {
	    {"a", true,  "/usr/bin/gcc differs"         },
	    {"b", true,  "it cannot confine compiles: x"},
	    {"c", false, "connect: refused"             }
        };
	struct doctor *d;

	agent.workers = w;
	agent.nworkers = 3;
	d = judge_hosts(heard(VOICE_MUSTER), &agent);
	WRONG(d, DOCTOR_HOSTS, "a does not get all jobs: /usr/bin/gcc differs",
	      "same package");
	CHECK(doctor_count(d, DOCTOR_WRONG) == 1);
	end(d);
}

static void lists(void)
{
	struct hosts_facts f = {.agent = &no_agent, .wrong = "there is none"};
	struct doctor *d = new_doctor();

	doctor_hosts_judge(d, &f);
	NOTE(d, DOCTOR_HOSTS, "compiles alone (there is none)", "MUSTER_HOSTS");
	end(d);
	d = new_doctor();
	f.from = "MUSTER_HOSTS";
	f.wrong = "'x::' makes no sense";
	f.unread = "/h/hosts";
	f.locked = "/l/hosts";
	doctor_hosts_judge(d, &f);
	WRONG(d, DOCTOR_HOSTS, "not used, since 'x::' makes no sense", "brackets");
	NOTE(d, DOCTOR_HOSTS, "/h/hosts is not read", "Keep one");
	WRONG(d, DOCTOR_HOSTS, "/l/hosts is there and may not be read", "chmod u+r");
	end(d);
	d = new_doctor();
	f = (struct hosts_facts){.from = "x", .agent = &no_agent, .zeroconf = true};
	doctor_hosts_judge(d, &f);
	CHECK(all_well(d));
	end(d);
}

/* ---- machine and environment ---- */

static struct machine_facts good_machine(void)
{
	return (struct machine_facts){.cores = 2,
				      .free_mb = 8192,
				      .files_soft = 1024,
				      .files_hard = 4096,
				      .processes = INT64_MAX,
				      .disks = {{"It", "/x", 5000}},
				      .ndisks = 1,
				      .kernel_major = 5,
				      .kernel_minor = 11,
				      .max_user_namespaces = 100,
				      .userns_clone = MACHINE_UNKNOWN,
				      .apparmor_restricts = MACHINE_UNKNOWN};
}

static struct doctor *judge_machine(struct machine_facts f)
{
	struct doctor *d = new_doctor();

	doctor_machine_judge(d, &f);
	return d;
}

static void machine(void)
{
	struct machine_facts f = good_machine();
	struct doctor *d = judge_machine(f);

	CHECK(all_well(d));
	end(d);
	f.free_mb = 2047;
	f.files_hard = 1023;
	f.processes = 1000;
	f.disks[0].free_mb = 1023;
	d = judge_machine(f);
	CHECK(doctor_count(d, DOCTOR_WRONG) == 0);
	NOTE(d, DOCTOR_MEMORY, "1 large compiles at once", "");
	NOTE(d, DOCTOR_MEMORY, "1023 MiB of disk left", "room");
	NOTE(d, DOCTOR_LIMITS, "1023 open files", "ulimit -Hn");
	NOTE(d, DOCTOR_LIMITS, "1000 processes", "ulimit -u");
	end(d);
	f.free_mb = 255;
	f.files_hard = 255;
	f.disks[0].free_mb = 63;
	d = judge_machine(f);
	WRONG(d, DOCTOR_MEMORY, "Only 255 MiB", "End other programs");
	WRONG(d, DOCTOR_MEMORY, "63 MiB of disk", "room");
	WRONG(d, DOCTOR_LIMITS, "255 open files", "Raise");
	end(d);
	f.free_mb = -1;
	d = judge_machine(f);
	NOTE(d, DOCTOR_MEMORY, "cannot be found out", "");
	end(d);
}

static void sandbox(void)
{
	struct machine_facts f = good_machine();
	struct doctor *d;

	f.kernel_minor = 10;
	d = judge_machine(f);
	NOTE(d, DOCTOR_SANDBOX, "Linux 5.10", "Update the kernel");
	end(d);
	f = good_machine();
	f.namespaces_error = EPERM;
	d = judge_machine(f);
	NOTE(d, DOCTOR_SANDBOX, "not permitted", "container");
	end(d);
	f.apparmor_restricts = 1;
	d = judge_machine(f);
	NOTE(d, DOCTOR_SANDBOX, "", "AppArmor");
	end(d);
	f.userns_clone = 0;
	d = judge_machine(f);
	NOTE(d, DOCTOR_SANDBOX, "", "unprivileged_userns_clone=1");
	end(d);
	f.max_user_namespaces = 0;
	d = judge_machine(f);
	NOTE(d, DOCTOR_SANDBOX, "", "max_user_namespaces");
	end(d);
}

static struct doctor *judge_env(const char *const env[])
{
	struct doctor *d = new_doctor();

	doctor_environment_judge(d, env);
	return d;
}

static bool locale_is_well(const char *a, const char *b)
{
	const char *const env[] = {a, b, NULL};
	struct doctor *d = judge_env(env);
	bool well = all_well(d);

	CHECK(well || found(d, DOCTOR_WRONG, DOCTOR_ENVIRONMENT, "locale", "C.UTF-8"));
	end(d);
	return well;
}

static void locales(void)
{
	CHECK(locale_is_well(NULL, NULL));
	CHECK(locale_is_well("LANG=C", "LC_ALL="));
	CHECK(locale_is_well("LANG=de_DE.UTF-8", "LC_TIME=POSIX"));
	CHECK(locale_is_well("LANG=de_DE", "LC_ALL=en_GB.utf8")); /* LC_ALL wins */
	CHECK(!locale_is_well("LANG=de_DE", NULL));
	CHECK(!locale_is_well("LANG=de_DE.ISO-8859-1", NULL));
	CHECK(!locale_is_well("LANG=de_DE.UTF-8@euro", NULL));
	CHECK(!locale_is_well("LANG=C", "LC_CTYPE=/x/y.UTF-8"));
	CHECK(!locale_is_well("LC_ALL=de_DE", "LANG=C"));
}

static void variables(void)
{
	const char *const env[] = {"MUSTER_HOST=x",
				   "MUSTER_HOSTS=x",
				   "MUSTER_LEVEL=1",
				   "DISTCC_HOSTS=y",
				   "DISTCC_PAUSE=1",
				   "DISTCC_FALLBACK=0",
				   "GCC_EXEC_PREFIX=/",
				   "LD_PRELOAD=",
				   "MUSTER_",
				   "=x",
				   NULL};
	struct doctor *d = judge_env(env);

	WRONG(d, DOCTOR_ENVIRONMENT, "MUSTER_HOST is set", "misspelt");
	WRONG(d, DOCTOR_ENVIRONMENT, "MUSTER_LEVEL=1", "unset");
	WRONG(d, DOCTOR_ENVIRONMENT, "GCC_EXEC_PREFIX", "unset");
	NOTE(d, DOCTOR_ENVIRONMENT, "DISTCC_PAUSE is set and does nothing", "distcc");
	NOTE(d, DOCTOR_ENVIRONMENT, "DISTCC_FALLBACK=0", "unset");
	CHECK(doctor_count(d, DOCTOR_WRONG) == 3 && doctor_count(d, DOCTOR_NOTE) == 2);
	end(d);
}

/* ---- schedulers ---- */

static struct doctor *judge_schedulers(const struct farm_look *v, size_t n,
				       const char *used)
{
	struct doctor *d = new_doctor();
	struct scheduler_facts f = {
	    .v = v, .n = n, .used = used, .our_software = "muster 1"};

	doctor_scheduler_judge(d, &f);
	return d;
}

static void schedulers_well(void)
{
	const struct farm_look v[] = {
	    {.address = "a:1",
	     .answers = true,
	     .software = "muster 1",
	     .farm = "lab",
	     .has_clock = true,
	     .ahead_ms = 900,
	     .hosts = 2,
	     .slots = 8,
	     .usable = 8,
	     .used = 3}
        };
	struct doctor *d = judge_schedulers(v, 1, "a:1");

	CHECK(all_well(d));
	OK(d, DOCTOR_HOSTS, "farm 'lab'): 2 hosts, 3 of 8 slots in use");
	end(d);
	d = judge_schedulers(NULL, 0, "");
	CHECK(d->n == 0);
	end(d);
}

static void schedulers_in_trouble(void)
{
	struct farm_look v[] = {
	    {.address = "a:1",  .why = "connect: Connection refused"},
	    { .address = "b:1",
	     .answers = true,
	     .software = "muster 2",
	     .farm = "",
	     .has_clock = true,
	     .ahead_ms = -120000}
        };
	struct doctor *d = judge_schedulers(v, 2, "b:1");

	NOTE(d, DOCTOR_HOSTS, "scheduler a:1 is of no use: connect: Connection refused.",
	     "running there");
	NOTE(d, DOCTOR_HOSTS, "no slots for this machine's platform", "--scheduler b:1");
	NOTE(d, DOCTOR_HOSTS, "b:1 is muster 2 and this is muster 1", "older");
	NOTE(d, DOCTOR_HOSTS, "120 s behind this machine's", "NTP");
	NOTE(d, DOCTOR_HOSTS, "uses the scheduler b:1, and the first of its list is a:1",
	     "");
	CHECK(doctor_count(d, DOCTOR_WRONG) == 0);
	end(d);
	d = judge_schedulers(v, 1, "");
	WRONG(d, DOCTOR_HOSTS, "so nothing is lent and compiles run here", "running there");
	end(d);
	v[0] = v[1];
	v[0].farm = "other";
	d = judge_schedulers(v, 2, "");
	NOTE(d, DOCTOR_HOSTS, "are of different farms ('other' and '')", "one list");
	end(d);
}

TESTS({"text and json", text_and_json}, {"lists of names", lists_of_names},
      {"PATH as it should be", path_well}, {"no compilers", path_without_compilers},
      {"order of PATH", path_order}, {"ccache on PATH", path_with_ccache},
      {"links", path_links}, {"CC and CXX", variables_cc},
      {"CCACHE_PREFIX", variable_ccache_prefix}, {"an agent as it should be", agent_well},
      {"state folders", agent_folders}, {"an agent in trouble", agent_troubles},
      {"errors in the log", log_errors}, {"hosts as they should be", hosts_well},
      {"hosts that do not answer", hosts_unheard}, {"odd hosts", hosts_odd},
      {"schedulers as they should be", schedulers_well},
      {"schedulers in trouble", schedulers_in_trouble},
      {"other compilers", hosts_compilers}, {"lists of hosts", lists},
      {"memory, disks, limits", machine}, {"sandbox", sandbox}, {"locales", locales},
      {"variables", variables})
