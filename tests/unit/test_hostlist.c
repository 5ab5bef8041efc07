/* Lists of hosts in distcc's grammar. What distcc itself says of such lists is compared
 * by hostlist_oracle.sh; here is what the words mean, what the sentences say, and where
 * a list is found. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/hostlist.h"
#include "sys/fs.h"
#include "test.h"

#include <string.h>
#include <sys/stat.h>

static const char *or_dash(const char *s)
{
	return s ? s : "-";
}

static void write_host(struct buf *b, const struct host *h)
{
	static const char *const kinds[] = {
	    [HOST_LOCAL] = "local", [HOST_TCP] = "tcp", [HOST_SSH] = "ssh"};

	buf_printf(b, "%s%s %s %s %u/%u %s%s%s%s", b->len ? "; " : "", kinds[h->kind],
		   or_dash(h->user), h->name, h->port, h->slots, or_dash(h->command),
		   h->lzo ? " lzo" : "", h->cpp ? " cpp" : "", h->down ? " down" : "");
}

/* Does TEXT give WANT: "KIND USER NAME PORT/SLOTS COMMAND OPTION…; …"? */
static int reads(const char *text, const char *want)
{
	AUTO_BUF struct buf got = {0};
	struct hostlist list;
	struct err e = {0};

	if (hostlist_parse(&list, text, 3632, &e))
		buf_printf(&got, "refused: %s", e.text);
	for (size_t i = 0; i < list.n; i++)
		write_host(&got, &list.v[i]);
	hostlist_free(&list);
	buf_add(&got, "", 1);
	if (strcmp(got.data, want) == 0)
		return 1;
	printf("# '%s' gives '%s', not '%s'\n", text, got.data, want);
	return 0;
}

/* Is TEXT refused, with the word of that number, with a sentence that has PART, and is
 * the list then empty? */
static int refused(const char *text, unsigned word, const char *part)
{
	struct hostlist list;
	struct err e = {0};
	char start[64];

	snprintf(start, sizeof start, "word %u of the list of hosts, '", word);
	if (hostlist_parse(&list, text, 3632, &e) == -1 && list.n == 0 && !list.v &&
	    strncmp(e.text, start, strlen(start)) == 0 && strstr(e.text, part))
		return 1;
	printf("# '%s' gives '%s', not word %u and '%s'\n", text, e.text, word, part);
	hostlist_free(&list);
	return 0;
}

static void local(void)
{
	CHECK(reads("localhost", "local - localhost 0/0 -"));
	CHECK(reads("localhost/3", "local - localhost 0/3 -"));
	CHECK(reads("localhost=3", "local - localhost 0/3 -"));
	CHECK(reads("localhost/3,lzo,down", "local - localhost 0/3 - lzo down"));
	CHECK(reads("localhost:80/9", "tcp - localhost 80/9 -"));
	CHECK(reads("localhost,lzo", "tcp - localhost 3632/0 - lzo"));
	CHECK(reads("localhost4", "tcp - localhost4 3632/0 -"));
	CHECK(reads("@localhost/3", "ssh - localhost 0/3 -"));
	CHECK(refused("localhost/3:80", 1, "without a daemon"));
}

static void tcp(void)
{
	CHECK(reads("a", "tcp - a 3632/0 -"));
	CHECK(reads("a:80", "tcp - a 80/0 -"));
	CHECK(reads("a/7", "tcp - a 3632/7 -"));
	CHECK(reads("a=7", "tcp - a 3632/7 -"));
	CHECK(reads("a:80/7", "tcp - a 80/7 -"));
	CHECK(reads("a/7:80", "tcp - a 80/7 -"));
	CHECK(reads("a/7:80,lzo,cpp", "tcp - a 80/7 - lzo cpp"));
	CHECK(reads("[::1]", "tcp - ::1 3632/0 -"));
	CHECK(reads("[fe80::1%eth0.1]:80/7", "tcp - fe80::1%eth0.1 80/7 -"));
	CHECK(reads("m\xc3\xbcnster", "tcp - m\xc3\xbcnster 3632/0 -"));
	CHECK(refused("a:", 1, "the port is expected, from 1 to 65535, and not ''"));
	CHECK(refused("a:65536", 1, "not '65536'"));
	CHECK(refused("a:0", 1, "not '0'"));
	CHECK(refused("a:80:81", 1, "not '80:81'"));
	CHECK(refused("a/2:80:81", 1, "IPv6 address is written in brackets"));
	CHECK(refused("a/0", 1, "behind '/' the number of jobs is expected"));
	CHECK(refused("a=10001", 1, "from 1 to 10000, and not '10001'"));
	CHECK(refused("a/4294967297", 1, "not '4294967297'"));
	CHECK(refused("a/3:80/4", 1, "given twice"));
	CHECK(refused("a:80/3:80", 1, "the port is given twice"));
	CHECK(refused("::1", 1, "IPv6 address is written in brackets"));
	CHECK(refused("[::1", 1, "the ']' behind the IPv6 address is missing"));
	CHECK(refused("[1.2.3.4]", 1, "no IPv6 address"));
	CHECK(refused("[::1%]", 1, "no IPv6 address"));
	CHECK(refused("[::1]x", 1, "'x' cannot stand there"));
	CHECK(refused("a;b", 1, "'a;b' is no name of a host"));
	CHECK(refused("-a", 1, "begins with '-'"));
}

static void ssh(void)
{
	CHECK(reads("@b", "ssh - b 0/0 -"));
	CHECK(reads("mbp@b", "ssh mbp b 0/0 -"));
	CHECK(reads("mbp@b/5:/opt/distccd,lzo", "ssh mbp b 0/5 /opt/distccd lzo"));
	CHECK(reads("@b:distccd/3", "ssh - b 0/0 distccd/3"));
	CHECK(reads("@b:a:b=c@d", "ssh - b 0/0 a:b=c@d"));
	CHECK(reads("@b:", "ssh - b 0/0 -"));
	CHECK(reads("@b=5", "ssh - b 0/5 -"));
	CHECK(reads("u@[::1]/5:x", "ssh u ::1 0/5 x"));
	CHECK(refused("@", 1, "name of the host is missing"));
	CHECK(refused("mbp@:x", 1, "name of the host in front of ':' is missing"));
	CHECK(refused("a,lzo@b", 1, "'a,lzo' is no name of a user"));
	CHECK(refused("u@b@c", 1, "'b@c' is no name of a host"));
	/* What ssh would take for its own options. */
	CHECK(refused("@-oProxyCommand=x", 1, "begins with '-'"));
	CHECK(refused("-oProxyCommand=x@b", 1, "begins with '-'"));
	CHECK(refused("@b:-oProxyCommand=x", 1, "the command begins with '-'"));
}

static void options(void)
{
	CHECK(reads("a,lzo,lzo", "tcp - a 3632/0 - lzo"));
	CHECK(reads("a,down,cpp,lzo", "tcp - a 3632/0 - lzo cpp down"));
	struct hostlist list;

	CHECK(hostlist_parse(&list, "a,plain b +callers=build-7", 1, NULL) == 0 &&
	      list.n == 2);
	CHECK(list.v[0].plain && !list.v[1].plain && strcmp(list.callers, "build-7") == 0);
	hostlist_free(&list);
	CHECK(refused("+callers=", 1, "the name of the build is missing"));
	CHECK(refused("+callers=a/b", 1, "no name of a build"));
	CHECK(refused("a,", 1, "'' is no option"));
	CHECK(refused("a,lzox", 1,
		      "'lzox' is no option: ',lzo', ',cpp', ',down' and ',plain' are"));
	CHECK(refused("a,lzo/3", 1, "the number of jobs is written before them"));
	CHECK(refused("a,cpp", 1, "'cpp' wants the option 'lzo'"));
	CHECK(refused("a,auth", 1, "GSS-API authentication, which is not offered"));
	CHECK(refused("a,lzo,auth=x", 1, "GSS-API authentication, which is not offered"));
	CHECK(refused("a,authx", 1, "'authx' is no option"));
}

static void words(void)
{
	CHECK(reads("", ""));
	CHECK(reads(" \t\r\n\f", ""));
	CHECK(reads("a\tb\rc\fd\n e",
		    "tcp - a 3632/0 -; tcp - b 3632/0 -; tcp - c 3632/0 -; "
		    "tcp - d 3632/0 -; tcp - e 3632/0 -"));
	CHECK(reads("# x\na#y z\nb", "tcp - a 3632/0 -; tcp - b 3632/0 -"));
	CHECK(reads("a # y\rb", "tcp - a 3632/0 -; tcp - b 3632/0 -"));
	CHECK(refused("a # not counted\n b\tc/x d", 3, "'c/x': behind '/'"));
	CHECK(refused("a --localslots=2 b/x", 3, "'b/x'"));
	CHECK(refused("a\vb", 1, "'a?b'"));
	CHECK(refused("\x1b[2Ja", 1, "'?[2Ja' is no name"));
}

static void globals(void)
{
	struct hostlist list;
	struct err e;

	if (!CHECK(hostlist_parse(&list,
				  "--localslots=3 a --localslots_cpp/16 --randomize "
				  "--localslots=5 +zeroconf",
				  3632, &e) == 0))
		return;
	CHECK(list.n == 1 && list.randomize && list.zeroconf);
	CHECK(list.localslots == 5 && list.localslots_cpp == 16);
	hostlist_free(&list);
	CHECK(list.n == 0 && !list.v && !list.randomize && list.localslots == 0);
	CHECK(hostlist_parse(&list, "a", 3632, &e) == 0);
	CHECK(!list.randomize && !list.zeroconf && !list.localslots &&
	      !list.localslots_cpp);
	hostlist_free(&list);
	CHECK(refused("--localslots=0", 1, "'=N' is expected behind it"));
	CHECK(refused("--localslots", 1, "'=N' is expected behind it"));
	CHECK(refused("--localslots_cpp=3x", 1, "'=N' is expected behind it"));
	CHECK(refused("--localslots_c=3", 1, "no option for the list"));
	CHECK(refused("--randomise", 1, "no option for the list"));
	CHECK(refused("+", 1, "no option for the list"));
}

/* COUNT times PIECE. */
static char *repeat(const char *piece, size_t count)
{
	struct buf b = {0};

	for (size_t i = 0; i < count; i++)
		buf_str(&b, piece);
	buf_add(&b, "", 1);
	return b.data;
}

static void limits(void)
{
	AUTO_FREE char *most = repeat("a ", HOSTLIST_HOSTS);
	AUTO_FREE char *more = xasprintf("%s --randomize b", most);
	AUTO_FREE char *name = repeat("n", HOSTLIST_NAME);
	AUTO_FREE char *long_name = xasprintf("%sn", name);
	AUTO_FREE char *long_user = xasprintf("%sn@b", name);
	AUTO_FREE char *command = repeat("c", HOSTLIST_WORD - 3);
	AUTO_FREE char *word = xasprintf("@b:%s", command);
	AUTO_FREE char *long_word = xasprintf("@b:%sc", command);
	AUTO_FREE char *want = xasprintf("tcp - %s 3632/0 -", name);
	AUTO_FREE char *want_word = xasprintf("ssh - b 0/0 %s", command);
	struct hostlist list;

	CHECK(hostlist_parse(&list, most, 1, NULL) == 0 && list.n == HOSTLIST_HOSTS);
	hostlist_free(&list);
	CHECK(refused(more, HOSTLIST_HOSTS + 2, "one more than the 10000 hosts"));
	CHECK(reads(name, want));
	CHECK(refused(long_name, 1, "longer than the 255 bytes"));
	CHECK(refused(long_user, 1, "longer than the 255 bytes"));
	CHECK(reads(word, want_word));
	CHECK(refused(long_word, 1, "longer than the 4096 bytes"));
	CHECK(hostlist_parse(&list, "a:x", 1, NULL) == -1);
}

static unsigned concurrency(const char *text)
{
	struct hostlist list;
	unsigned n = 12345;

	if (hostlist_parse(&list, text, 3632, NULL) == 0)
		n = hostlist_concurrency(&list);
	hostlist_free(&list);
	return n;
}

static void sums(void)
{
	CHECK(concurrency("") == 0);
	CHECK(concurrency("--localslots=7") == 0);
	CHECK(concurrency("localhost") == 2);
	CHECK(concurrency("a") == 4);
	CHECK(concurrency("@a") == 4);
	CHECK(concurrency("localhost/3 a/7 @b,lzo [::1]:4000/9,lzo") == 23);
	CHECK(concurrency("a/3 b/5,down c,down localhost/2,down") == 3);
}

static int address_is(const char *text, const char *want)
{
	struct hostlist list;

	if (hostlist_parse(&list, text, 3632, NULL))
		return 0;
	AUTO_FREE char *got = host_address(&list.v[0]);

	hostlist_free(&list);
	return strcmp(got, want) == 0;
}

static void addresses(void)
{
	CHECK(address_is("a", "a:3632"));
	CHECK(address_is("a/3:80", "a:80"));
	CHECK(address_is("[::1]", "[::1]:3632"));
	CHECK(address_is("[fe80::1%lo]:80", "[fe80::1%lo]:80"));
}

/* An environment: names and values in turn. */
static const char *env(void *ctx, const char *name)
{
	const char *const *v = ctx;

	for (; *v; v += 2)
		if (strcmp(*v, name) == 0)
			return v[1];
	return NULL;
}

static char bed[] = "/tmp/test_hostlist.XXXXXX";

static char *in_bed(const char *name)
{
	return xasprintf("%s/%s", bed, name);
}

static void put(const char *name, const char *text, size_t n)
{
	AUTO_FREE char *path = in_bed(name);

	CHECK(fs_write_file(path, text, n, 0644, NULL) == 0);
}

/* Is the list that applies in the environment VARS the one with TEXT, from the file (of
 * the bed) or variable FROM? */
static int finds(const char *const *vars, const char *text, const char *from)
{
	AUTO_FREE char *system_file = in_bed("system");
	AUTO_FREE char *file = in_bed(from);
	AUTO_FREE char *got_from = NULL;
	struct err e = {0};
	AUTO_FREE char *got =
	    hostlist_find(env, (void *)(uintptr_t)vars, system_file, &got_from, &e);

	if (got && got_from && !*e.text && strcmp(got, text) == 0 &&
	    strcmp(got_from, *from == '$' ? from : file) == 0)
		return 1;
	printf("# '%s' from '%s' (%s)\n", or_dash(got), or_dash(got_from), e.text);
	return 0;
}

/* Is nothing found in the environment VARS, with a sentence that has PART? */
static int finds_none(const char *const *vars, const char *part)
{
	AUTO_FREE char *system_file = in_bed("system");
	AUTO_FREE char *got_from = NULL;
	struct err e = {0};
	AUTO_FREE char *got =
	    hostlist_find(env, (void *)(uintptr_t)vars, system_file, &got_from, &e);

	if (!got && !got_from && strstr(e.text, part))
		return 1;
	printf("# '%s' from '%s' (%s)\n", or_dash(got), or_dash(got_from), e.text);
	return 0;
}

static void finding(void)
{
	if (!CHECK(mkdtemp(bed)))
		return;
	AUTO_FREE char *dir = in_bed("dir"), *bare = in_bed("bare"),
		       *own = in_bed("home/.distcc");
	AUTO_FREE char *home = in_bed("home"), *odd = in_bed("odd"),
		       *odd_hosts = in_bed("odd/hosts");
	const char *const nothing[] = {NULL};
	const char *const all[] = {"DISTCC_HOSTS", "v",  "DISTCC_DIR", dir,
				   "HOME",         home, NULL};
	const char *const empty[] = {"DISTCC_HOSTS", "", "DISTCC_DIR", dir, NULL};
	const char *const in_dir[] = {"DISTCC_DIR", dir, "HOME", home, NULL};
	const char *const in_home[] = {"HOME", home, NULL};
	const char *const blank[] = {"DISTCC_DIR", "", "HOME", home, NULL};
	const char *const in_bare[] = {"DISTCC_DIR", bare, "HOME", home, NULL};
	const char *const in_odd[] = {"DISTCC_DIR", odd, NULL};

	CHECK(fs_mkdirs(dir, 0755, NULL) == 0 && fs_mkdirs(bare, 0755, NULL) == 0);
	CHECK(fs_mkdirs(own, 0755, NULL) == 0 && fs_mkdirs(odd_hosts, 0755, NULL) == 0);
	CHECK(finds_none(nothing, "$DISTCC_HOSTS is not set, and there is no /"));
	CHECK(finds_none(in_home, "/home/.distcc/hosts and no /"));
	put("system", "s", 1);
	CHECK(finds(nothing, "s", "system"));
	CHECK(finds(in_home, "s", "system"));
	put("home/.distcc/hosts", "h\n", 2);
	CHECK(finds(in_home, "h\n", "home/.distcc/hosts"));
	CHECK(finds(blank, "h\n", "home/.distcc/hosts"));
	put("dir/hosts", "", 0);
	CHECK(finds(in_dir, "", "dir/hosts"));
	CHECK(finds(in_bare, "s", "system"));
	CHECK(finds(all, "v", "$DISTCC_HOSTS"));
	CHECK(finds(empty, "", "$DISTCC_HOSTS"));
	/* What is there and cannot be a list is not passed over. */
	CHECK(finds_none(in_odd, "no regular file"));
	put("dir/hosts", "a\0b", 3);
	CHECK(finds_none(in_dir, "NUL"));
	AUTO_FREE char *large = repeat(" ", HOSTLIST_FILE + 1);

	put("dir/hosts", large, HOSTLIST_FILE + 1);
	CHECK(finds_none(in_dir, "too large"));
	put("dir/hosts", large, HOSTLIST_FILE);
	large[HOSTLIST_FILE] = '\0';
	CHECK(finds(in_dir, large, "dir/hosts"));
	CHECK(fs_remove_tree(bed, NULL) == 0);
}

static void schedulers(void)
{
	struct hostlist list;
	struct err e;

	CHECK(hostlist_parse(&list, "a +scheduler=h,[::1]:7 b", 3632, &e) == 0);
	CHECK(list.n == 2 && strcmp(list.schedulers, "h,[::1]:7") == 0);
	hostlist_free(&list);
	CHECK(list.schedulers == NULL);
	CHECK(hostlist_parse(&list, "+scheduler=one +scheduler=two:5", 3632, &e) == 0);
	CHECK(list.n == 0 && strcmp(list.schedulers, "two:5") == 0);
	hostlist_free(&list);
	CHECK(hostlist_parse(&list, "+scheduler=", 3632, &e) == -1);
	CHECK(hostlist_parse(&list, "+scheduler=h:0", 3632, &e) == -1);
	CHECK(list.schedulers == NULL && strstr(e.text, "is no scheduler"));
}

TESTS({"local", local}, {"tcp", tcp}, {"ssh", ssh}, {"options", options}, {"words", words},
      {"globals", globals}, {"limits", limits}, {"sums", sums}, {"addresses", addresses},
      {"finding", finding}, {"schedulers", schedulers})
