/* The grammar of DISTCC_AUTO_HOSTS: words that are hosts, words that are none, and whole
 * lists. */
#include "base/err.h"
#include "base/mem.h"
#include "run/autohosts.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

struct good {
	const char *word;
	bool ssh;
	const char *user, *name;
	unsigned ssh_port, port, stats_port;
};

static const struct good goods[] = {
    {"a",				 false, NULL,       "a",                    0,    3632,  3633},
    {"tcp://a",			   false, NULL,       "a",                    0,    3632,  3633},
    {"worker-1.example.com",              false, NULL,       "worker-1.example.com", 0,    3632,  3633},
    {"a_b",			       false, NULL,       "a_b",                  0,    3632,  3633},
    {"9",				 false, NULL,       "9",                    0,    3632,  3633},
    {"192.168.1.8",		       false, NULL,       "192.168.1.8",          0,    3632,  3633},
    {"a:1",			       false, NULL,       "a",                    0,    1,     3633},
    {"a:65535",			   false, NULL,       "a",                    0,    65535, 3633},
    {"a:4000:4001",		       false, NULL,       "a",                    0,    4000,  4001},
    {"tcp://a:4000:4001",                 false, NULL,       "a",                    0,    4000,  4001},
    {"a:0004000",			 false, NULL,       "a",                    0,    4000,  3633},
    {"[::1]",			     false, NULL,       "::1",                  0,    3632,  3633},
    {"[ff06::c3]:5000",                   false, NULL,       "ff06::c3",             0,    5000,  3633},
    {"tcp://[fe80::1%eth0]:5000:6000",    false, NULL,       "fe80::1%eth0",         0,    5000,  6000},
    {"[::ffff:1.2.3.4]",                  false, NULL,       "::ffff:1.2.3.4",       0,    3632,  3633},
    {"localhost",			 false, NULL,       "localhost",            0,    3632,  3633},
    {"b\xc3\xbc"
     "cher",			 false, NULL,
     "b\xc3\xbc"
     "cher",									 0,    3632,  3633},
    {"ssh",			       false, NULL,       "ssh",                  0,    3632,  3633},
    {"ssh:22",			    false, NULL,       "ssh",                  0,    22,    3633},
    {"ssh://a",			   true,  NULL,       "a",                    0,    3632,  3633},
    {"ssh://me@a",			true,  "me",       "a",                    0,    3632,  3633},
    {"ssh://a:22",			true,  NULL,       "a",                    22,   3632,  3633},
    {"ssh://a/4000",		      true,  NULL,       "a",                    0,    4000,  3633},
    {"ssh://a/4000/4001",                 true,  NULL,       "a",                    0,    4000,  4001},
    {"ssh://me.you_1@a.b:2222/4000/4001", true,  "me.you_1", "a.b",                  2222, 4000,  4001},
    {"ssh://[::1]",		       true,  NULL,       "::1",                  0,    3632,  3633},
    {"ssh://me@[::1]:22/1/2",             true,  "me",       "::1",                  22,   1,     2   },
};

static bool text_is(const char *is, const char *wanted)
{
	return is && wanted ? strcmp(is, wanted) == 0 : is == wanted;
}

static void good_words(void)
{
	for (size_t i = 0; i < sizeof goods / sizeof *goods; i++) {
		const struct good *g = &goods[i];
		struct autohosts list;
		struct err e = {0};

		if (!CHECK(autohosts_parse(&list, g->word, &e) == 0 && list.n == 1)) {
			printf("# %s: %s\n", g->word, e.text);
			continue;
		}
		const struct autohost *h = &list.v[0];

		if (!CHECK(h->ssh == g->ssh && text_is(h->user, g->user) &&
			   text_is(h->name, g->name) && h->ssh_port == g->ssh_port &&
			   h->port == g->port && h->stats_port == g->stats_port &&
			   text_is(h->word, g->word)))
			printf("# %s: user %s name %s ports %u %u %u\n", g->word,
			       h->user ? h->user : "-", h->name, h->ssh_port, h->port,
			       h->stats_port);
		autohosts_free(&list);
		CHECK(list.n == 0 && !list.v);
	}
}

static const struct bad {
	const char *word, *why;
} bads[] = {
    {":",		      "name of the host is missing"           },
    {":3632",		  "name of the host is missing"           },
    {"tcp://",		 "name of the host is missing"           },
    {"ssh://",		 "name of the host is missing"           },
    {"ssh:///3632",            "name of the host is missing"           },
    {"ssh://me@",              "name of the host is missing"           },
    {"ssh://@a",               "name of the user is missing"           },
    {"ssh://me@you@a",         "'@' stands in the name of the host"    },
    {"a:",		     "the port is expected"                  },
    {"a:0",		    "the port is expected"                  },
    {"a:65536",		"the port is expected"                  },
    {"a:99999999999999999999", "the port is expected"                  },
    {"a:b",		    "the port is expected"                  },
    {"a:-1",		   "the port is expected"                  },
    {"a:+1",		   "the port is expected"                  },
    {"a:1:",		   "port of the statistics is expected"    },
    {"a:1:0",		  "port of the statistics is expected"    },
    {"a:1:2:3",		"nothing may follow"                    },
    {"a/4",		    "nothing may follow"                    },
    {"a:1/4",		  "nothing may follow"                    },
    {"a,lzo",		  "',' stands in the name"                },
    {"me@a",		   "a user is only for ssh"                },
    {"tcp://me@a",             "a user is only for ssh"                },
    {"http://a",               "neither tcp:// nor ssh://"             },
    {"SSH://a",		"neither tcp:// nor ssh://"             },
    {"://a",		   "neither tcp:// nor ssh://"             },
    {"::1",		    "name of the host is missing"           },
    {"fe80::1",		"IPv6 address is written in brackets"   },
    {"[::1",		   "']' behind the IPv6 address is missing"},
    {"[]",		     "no IPv6 address"                       },
    {"[a]",		    "no IPv6 address"                       },
    {"[::1%]",		 "no IPv6 address"                       },
    {"[::1 ]",		 "']'"				   },
    {"[::1]x",		 "nothing may follow"                    },
    {"-a",		     "begins with '-'"                       },
    {"ssh://-oProxyCommand=x", "begins with '-'"                       },
    {"ssh://-l@a",             "begins with '-'"                       },
    {"ssh://a:22:3632",        "nothing may follow"                    },
    {"ssh://a/",               "the port is expected"                  },
    {"ssh://a/1/",             "port of the statistics is expected"    },
    {"ssh://a/1/2/3",          "nothing may follow"                    },
    {"ssh://a:x/1",            "ssh's port is expected"                },
    {"ssh://a$(id)",           "'$' stands in the name"                },
    {"a;b",		    "';' stands in the name"                },
    {"a\x01",		  "'?'"				   },
    {"#a",		     "'#' stands in the name"                },
};

static void bad_words(void)
{
	for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
		struct autohosts list;
		struct err e = {0};

		if (!CHECK(autohosts_parse(&list, bads[i].word, &e) == -1)) {
			autohosts_free(&list);
			printf("# %s\n", bads[i].word);
			continue;
		}
		if (!CHECK(list.n == 0 && strstr(e.text, bads[i].why) &&
			   strstr(e.text, "word 1 of the list") &&
			   strstr(e.text, AUTOHOSTS_GRAMMAR)))
			printf("# %s: %s\n", bads[i].word, e.text);
		for (const char *p = e.text; *p; p++)
			CHECK((unsigned char)*p >= ' ');
	}
}

static void lists(void)
{
	struct autohosts list;
	struct err e = {0};

	CHECK(autohosts_parse(&list, "", &e) == 0 && list.n == 0);
	autohosts_free(&list);
	CHECK(autohosts_parse(&list, " \t\n ", &e) == 0 && list.n == 0);
	autohosts_free(&list);
	CHECK(autohosts_parse(&list, " a:1\tssh://b\n[::1]\r\n", &e) == 0 && list.n == 3);
	CHECK(list.n == 3 && strcmp(list.v[1].name, "b") == 0 && list.v[1].ssh);
	CHECK(list.n == 3 && strcmp(list.v[2].word, "[::1]") == 0);
	autohosts_free(&list);
	CHECK(autohosts_parse(&list, "a b c:x d", &e) == -1 && list.n == 0);
	CHECK(strstr(e.text, "word 3 of the list, 'c:x'"));
	CHECK(autohosts_parse(&list, "a b:0", NULL) == -1 && list.n == 0);
}

static void limits(void)
{
	AUTO_FREE char *name = xcalloc(AUTOHOSTS_NAME + 2, 1);
	AUTO_FREE char *many = xcalloc(AUTOHOSTS_MAX + 1, 2);
	AUTO_FREE char *endless = xcalloc(100001, 1);
	struct autohosts list;
	struct err e = {0};

	memset(name, 'a', AUTOHOSTS_NAME);
	CHECK(autohosts_parse(&list, name, &e) == 0);
	autohosts_free(&list);
	name[AUTOHOSTS_NAME] = 'a';
	CHECK(autohosts_parse(&list, name, &e) == -1 && strstr(e.text, "longer than 255"));
	for (size_t i = 0; i < AUTOHOSTS_MAX; i++)
		memcpy(many + 2 * i, "a ", 2);
	CHECK(autohosts_parse(&list, many, &e) == 0 && list.n == AUTOHOSTS_MAX);
	autohosts_free(&list);
	many[(size_t)AUTOHOSTS_MAX * 2] = 'b';
	CHECK(autohosts_parse(&list, many, &e) == -1 && strstr(e.text, "word 1001"));
	memset(endless, 'x', 100000);
	CHECK(autohosts_parse(&list, endless, &e) == -1);
}

TESTS({"words that are hosts", good_words}, {"words that are none", bad_words},
      {"lists", lists}, {"limits", limits})
