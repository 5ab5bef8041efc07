/* distccd's command line: what scripts write, and what must be refused. */
#include "base/buf.h"
#include "base/err.h"
#include "test.h"
#include "worker/distccd_options.h"

#include <string.h>

static struct distccd_options o;
static struct arena *arena;
static struct err e;

/* Parses a line of words, standard input being no socket. */
static int parse_at(const char *line, bool socket)
{
	char *words[40] = {0}, *rest = NULL;
	size_t n = 0;

	arena = arena_new();
	e = (struct err){0};
	for (char *w = strtok_r(arena_strdup(arena, line), " ", &rest); w;
	     w = strtok_r(NULL, " ", &rest))
		words[n++] = strcmp(w, "''") == 0 ? arena_strdup(arena, "") : w;
	return distccd_options_parse(&o, arena, words, socket, &e);
}

static int parse(const char *line)
{
	return parse_at(line, false);
}

static int refused(const char *line, const char *text)
{
	int status = parse(line);

	if (status == -1 && strcmp(e.text, text) == 0)
		return 1;
	printf("# %s: %d \"%s\"\n", line, status, e.text);
	return 0;
}

static void defaults(void)
{
	CHECK(parse("distccd") == 0);
	CHECK(o.action == DISTCCD_SERVE && !o.inetd && !o.no_detach && !o.no_fork);
	CHECK(o.jobs == 0 && o.nice == 5 && o.oom_score_adj == DISTCCD_UNSET);
	CHECK(o.port == 3632 && o.stats_port == 3633 && !o.stats && !o.zeroconf);
	CHECK(!o.insecure && !o.allow_private && o.allow.n == 0 && o.warnings.n == 0);
	CHECK(o.job_lifetime_s == 0 && o.lifetime_s == 0);
	CHECK(o.log_level == LOG_NOTICE && !o.log_stderr);
	CHECK(!o.listen && !o.user && !o.pid_file && !o.log_file && !o.sysroot);
}

static void long_forms(void)
{
	CHECK(parse("distccd --jobs=7 --nice 3 --port 1234 --listen=::1 --pid-file /run/d "
		    "--user=me --allow 10.0.0.0/8 --allow=host --log-file=/l --log-level "
		    "info --job-lifetime 60 --lifetime=9 --stats --stats-port 99 "
		    "--oom-score-adj=-5 --sysroot=/s --zeroconf --no-detach --no-fork") ==
	      0);
	CHECK(o.jobs == 7 && o.nice == 3 && o.port == 1234 && o.stats_port == 99);
	CHECK(o.stats && o.zeroconf && o.no_detach && o.no_fork && o.oom_score_adj == -5);
	CHECK(o.job_lifetime_s == 60 && o.lifetime_s == 9 && o.log_level == LOG_INFO);
	CHECK(strcmp(o.listen, "::1") == 0 && strcmp(o.pid_file, "/run/d") == 0);
	CHECK(strcmp(o.user, "me") == 0 && strcmp(o.log_file, "/l") == 0);
	CHECK(strcmp(o.sysroot, "/s") == 0);
	CHECK(o.allow.n == 2 && strcmp(o.allow.v[0], "10.0.0.0/8") == 0 &&
	      strcmp(o.allow.v[1], "host") == 0);
	CHECK(!o.log_stderr && !o.allow_private && !o.insecure && !o.inetd);
}

static void short_forms(void)
{
	CHECK(parse("distccd -j 7 -N3 -p=1234 -P /run/d -a1.2.3.4 -a 5.6.7.8/9") == 0);
	CHECK(o.jobs == 7 && o.nice == 3 && o.port == 1234);
	CHECK(strcmp(o.pid_file, "/run/d") == 0 && o.allow.n == 2);
	CHECK(strcmp(o.allow.v[0], "1.2.3.4") == 0 &&
	      strcmp(o.allow.v[1], "5.6.7.8/9") == 0);
}

static void numbers(void)
{
	CHECK(parse("distccd -N -4 -j 0x10") == 0 && o.nice == -4 && o.jobs == 16);
	CHECK(parse("distccd -j4 -j5") == 0 && o.jobs == 5);
	CHECK(refused("distccd -j abc", "abc: invalid numeric value"));
	CHECK(refused("distccd -j4x", "-j4x: invalid numeric value"));
	CHECK(refused("distccd --port=1x", "--port=1x: invalid numeric value"));
	CHECK(refused("distccd --lifetime ''", ": invalid numeric value"));
	CHECK(refused("distccd --job-lifetime 99999999999",
		      "99999999999: number too large or too small"));
	CHECK(refused("distccd -N 99999999999999999999",
		      "99999999999999999999: number too large or too small"));
	CHECK(refused("distccd --job-lifetime=-1",
		      "--job-lifetime argument must not be less than 0"));
	CHECK(refused("distccd -j 0", "--jobs argument must be between 1 and 10000"));
	CHECK(refused("distccd -j 10001", "--jobs argument must be between 1 and 10000"));
	CHECK(parse("distccd -j 10000") == 0);
	CHECK(refused("distccd -p 0", "--port argument must be between 1 and 65535"));
	CHECK(refused("distccd -p 65536", "--port argument must be between 1 and 65535"));
	CHECK(parse("distccd -p 65535") == 0);
	CHECK(refused("distccd --stats-port 0",
		      "--stats-port argument must be between 1 and 65535"));
	CHECK(refused("distccd --oom-score-adj 1001",
		      "--oom-score-adj argument must be between -1000 and 1000"));
}

static void wrong(void)
{
	CHECK(refused("distccd --nosuch", "--nosuch: unknown option"));
	CHECK(refused("distccd --verb", "--verb: unknown option"));
	CHECK(refused("distccd -Z", "-Z: unknown option"));
	CHECK(refused("distccd -h", "-h: unknown option"));
	CHECK(refused("distccd --port", "--port: missing argument"));
	CHECK(refused("distccd -a", "-a: missing argument"));
	CHECK(
	    refused("distccd --help=foo", "--help=foo: option does not take an argument"));
	CHECK(refused("distccd --port --nosuch", "--nosuch: invalid numeric value"));
	CHECK(parse("distccd --auth") == -1 && strstr(e.text, "--auth: GSS-API"));
	CHECK(parse("distccd --whitelist=f") == -1 &&
	      strstr(e.text, "--whitelist: GSS-API"));
	CHECK(parse("distccd --blacklist f") == -1 &&
	      strstr(e.text, "--blacklist: GSS-API"));
	CHECK(parse("distccd --show-principal") == -1 && strstr(e.text, "GSS-API"));
	CHECK(refused("distccd --whitelist", "--whitelist: missing argument"));
}

/* distccd bears these, and start scripts hold them. */
static void borne(void)
{
	CHECK(parse("distccd --log-level=foo -j 3 word -") == 0);
	CHECK(o.jobs == 3 && o.log_level == LOG_NOTICE && o.warnings.n == 3);
	CHECK(strcmp(o.warnings.v[0], "invalid --log-level argument \"foo\"") == 0);
	CHECK(strcmp(o.warnings.v[1], "\"word\" is no option, and ignored") == 0);
	CHECK(strcmp(o.warnings.v[2], "\"-\" is no option, and ignored") == 0);
	CHECK(parse("distccd -- --nosuch") == 0 && o.warnings.n == 1);
	CHECK(parse("distccd --no-fifo") == 0 && o.warnings.n == 0);
}

static void modes(void)
{
	CHECK(parse_at("distccd", true) == 0 && o.inetd);
	CHECK(parse_at("distccd --daemon", true) == 0 && !o.inetd);
	CHECK(parse_at("distccd --wizard", true) == 0 && !o.inetd);
	CHECK(parse("distccd --inetd") == 0 && o.inetd);
	CHECK(parse("distccd --inetd --daemon") == 0 && o.inetd);
	CHECK(parse("distccd --daemon --inetd") == 0 && o.inetd);
}

static void bundles(void)
{
	CHECK(parse("distccd --wizard") == 0);
	CHECK(o.no_detach && o.no_fork && o.log_stderr && o.log_level == LOG_DEBUG);
	CHECK(parse("distccd --verbose") == 0 && o.log_level == LOG_DEBUG && !o.log_stderr);
	CHECK(parse("distccd --verbose --log-level=error") == 0 &&
	      o.log_level == LOG_ERROR);
	CHECK(parse("distccd --enable-tcp-insecure") == 0 && o.insecure);
	CHECK(parse("distccd --make-me-a-botnet") == 0 && o.insecure);
	CHECK(parse("distccd --allow-private") == 0 && o.allow_private && o.allow.n == 0);
	CHECK(parse("distccd --inetd --enable-tcp-insecure") == 0 && o.inetd && o.insecure);
}

static void questions(void)
{
	AUTO_BUF struct buf out = {0};

	CHECK(parse("distccd --version --nosuch") == 0 && o.action == DISTCCD_VERSION);
	CHECK(parse("distccd -j 3 --help -p 0") == 0 && o.action == DISTCCD_HELP);
	CHECK(parse("distccd --nosuch --help") == -1);
	distccd_version(&out, "9.8.7");
	buf_u8(&out, 0);
	CHECK(strncmp(out.data, "distccd 9.8.7 ", 14) == 0);
	CHECK(
	    strstr(out.data, "-linux-gnu\n  (protocols 1, 2 and 3) (default port 3632)\n"));
	out.len = 0;
	distccd_help(&out);
	buf_u8(&out, 0);
	CHECK(strncmp(out.data, "Usage:", 6) == 0);
	CHECK(strstr(out.data, "\n  -j, --jobs N "));
	CHECK(strstr(out.data, "\n      --listen ADDRESS "));
	CHECK(!strstr(out.data, "--auth") && !strstr(out.data, "(null)"));
}

static void no_words(void)
{
	char *none[] = {NULL};

	CHECK(distccd_options_parse(&o, arena_new(), none, false, &e) == 0 &&
	      o.port == 3632);
}

TESTS({"nothing given", defaults}, {"long forms", long_forms}, {"short forms", short_forms},
      {"numbers and their limits", numbers}, {"bad arguments", wrong},
      {"what means nothing is a warning", borne}, {"inetd or daemon", modes},
      {"options that stand for others", bundles}, {"help and version", questions},
      {"no program name", no_words})
