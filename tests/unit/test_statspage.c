/* distccd's page of statistics: as Debian's 3.4 sent it, as later releases add to it,
 * and what is none. */
#include "base/buf.h"
#include "run/capacity.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

/* distccd 3.4 of Debian 12, --jobs 5. */
static const char debian[] = "HTTP/1.0 200 OK\n"
			     "Content-Type: text/plain\n"
			     "Connection: close\n"
			     "\n"
			     "argv /distccd\n"
			     "<distccstats>\n"
			     "dcc_tcp_accept 0\n"
			     "dcc_rej_bad_req 0\n"
			     "dcc_rej_overload 0\n"
			     "dcc_compile_ok 0\n"
			     "dcc_compile_error 0\n"
			     "dcc_compile_timeout 0\n"
			     "dcc_cli_disconnect 0\n"
			     "dcc_other 0\n"
			     "dcc_longest_job none\n"
			     "dcc_longest_job_compiler none\n"
			     "dcc_longest_job_time_msecs -1\n"
			     "dcc_max_kids 5\n"
			     "dcc_avg_kids1 0\n"
			     "dcc_avg_kids2 0\n"
			     "dcc_avg_kids3 0\n"
			     "dcc_current_load 7\n"
			     "dcc_load1 2.90\n"
			     "dcc_load2 1.66\n"
			     "dcc_load3 1.34\n"
			     "dcc_num_compiles1 0\n"
			     "dcc_num_compiles2 0\n"
			     "dcc_num_compiles3 0\n"
			     "dcc_num_procstate_D 0\n"
			     "dcc_max_RSS 76676\n"
			     "dcc_max_RSS_name (muster-agent)\n"
			     "dcc_io_rate -1\n"
			     "dcc_free_space 80706 MB\n"
			     "</distccstats>\n";

static int read_text(struct capacity *c, const char *text)
{
	*c = (struct capacity){.slots = 77, .load = 77, .free_mb = 77};
	return capacity_read_page(c, text, strlen(text));
}

static void debians_page(void)
{
	struct capacity c;

	CHECK(read_text(&c, debian) == 0);
	CHECK(c.slots == 5 && c.load > 2.89 && c.load < 2.91 && c.free_mb == -1);
}

/* A page that breaks off anywhere is none. */
static void every_beginning(void)
{
	size_t whole = strlen(debian) - 1; /* the last line end may be missing */
	struct capacity c = {.slots = 77};

	for (size_t n = 0; n < whole; n++) {
		char *part = malloc(n + 1); /* so that a sanitizer sees who reads on */

		memcpy(part, debian, n);
		if (!CHECK(capacity_read_page(&c, part, n) == -1 && c.slots == 77))
			printf("# %zu bytes\n", n);
		free(part);
	}
	CHECK(capacity_read_page(&c, debian, whole) == 0);
}

static const struct page {
	const char *lines;
	int result;
	unsigned slots;
	double load;
	int64_t free_mb;
} pages[] = {
    {"dcc_max_kids 18\ndcc_load1 0.00\ndcc_free_mem 9000 MB\n",         0,  18,    0,   9000},
    {"dcc_free_mem 9000 MB\ndcc_load1 1.50\ndcc_max_kids 18\n",         0,  18,    1.5, 9000},
    {"dcc_max_kids 18\r\ndcc_load1 0.50\r\ndcc_free_mem 9 MB\r\n",      0,  18,    0.5, 9   },
    {"dcc_max_kids 18\n",					       0,  18,    -1,  -1  },
    {"dcc_max_kids 18\ndcc_load1 -1\n",                                 0,  18,    -1,  -1  },
    {"dcc_max_kids 18\ndcc_load1 -1.00\ndcc_free_mem -1 MB\n",          0,  18,    -1,  -1  },
    {"dcc_max_kids 18\ndcc_load1 nan\ndcc_free_mem inf MB\n",           0,  18,    -1,  -1  },
    {"dcc_max_kids 18\ndcc_load1 0x10\n",                               0,  18,    -1,  -1  },
    {"dcc_max_kids 18\ndcc_load1 1e9\n",                                0,  18,    -1,  -1  },
    {"dcc_max_kids 18\ndcc_load1 1.2.3\n",                              0,  18,    -1,  -1  },
    {"dcc_max_kids 18\ndcc_load1 \n",                                   0,  18,    -1,  -1  },
    {"dcc_max_kids 18\ndcc_free_mem 99999999999999999 MB\n",            0,  18,    -1,  -1  },
    {"dcc_max_kids 18\ndcc_free_mem 9999999999999999999999999999 MB\n", 0,  18,    -1,  -1  },
    {"dcc_max_kids 1\n",						0,  1,     -1,  -1  },
    {"dcc_max_kids 10000\n",					    0,  10000, -1,  -1  },
 /* the first counts; a name inside a line is none */
    {"dcc_max_kids 3\ndcc_max_kids 4\n",                                0,  3,     -1,  -1  },
    {"x dcc_max_kids 3\ndcc_max_kids 4\n",                              0,  4,     -1,  -1  },
    {"dcc_max_kids_x 3\ndcc_max_kids 4\n",                              0,  4,     -1,  -1  },
    {"dcc_max_RSS_name (dcc_load1 9)\ndcc_max_kids 4\n",                0,  4,     -1,  -1  },
    {"",								-1, 77,    77,  77  },
    {"dcc_load1 1.00\n",						-1, 77,    77,  77  },
    {"dcc_max_kids 0\n",						-1, 77,    77,  77  },
    {"dcc_max_kids -4\n",					       -1, 77,    77,  77  },
    {"dcc_max_kids 4.5\n",					      -1, 77,    77,  77  },
    {"dcc_max_kids 10001\n",					    -1, 77,    77,  77  },
    {"dcc_max_kids 4294967297\n",				       -1, 77,    77,  77  },
    {"dcc_max_kids 99999999999999999999999999999999\n",                 -1, 77,    77,  77  },
    {"dcc_max_kids many\n",					     -1, 77,    77,  77  },
    {"dcc_max_kids\n",						  -1, 77,    77,  77  },
    {"dcc_max_kids \n",						 -1, 77,    77,  77  },
    {"DCC_MAX_KIDS 4\n",						-1, 77,    77,  77  },
};

static void other_pages(void)
{
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		const struct page *p = &pages[i];
		struct capacity c;
		AUTO_BUF struct buf b = {0};

		buf_printf(&b, "HTTP/1.0 200 OK\n\n<distccstats>\n%s</distccstats>\n",
			   p->lines);
		buf_u8(&b, 0);
		if (!CHECK(read_text(&c, b.data) == p->result && c.slots == p->slots &&
			   c.load >= p->load && c.load <= p->load &&
			   c.free_mb == p->free_mb))
			printf("# %s: %u %f %lld\n", p->lines, c.slots, c.load,
			       (long long)c.free_mb);
	}
}

static void no_pages(void)
{
	static const char *const texts[] = {
	    "",
	    "\n",
	    "HTTP/1.0 404 Not Found\n\n<html>dcc_max_kids 4</html>\n",
	    "dcc_max_kids 4\n</distccstats>\n",
	    "</distccstats>\ndcc_max_kids 4\n<distccstats>\n",
	    "<distccstats></distccstats>",
	    "<distccstats>\n</distccstats>",
	    "dcc_max_kids 4\n<distccstats>\n</distccstats>\ndcc_max_kids 4\n",
	    "SSH-2.0-OpenSSH_9.2p1\r\n",
	};
	static char zeros[4096];
	struct capacity c = {0};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		CHECK(read_text(&c, texts[i]) == -1);
	CHECK(capacity_read_page(&c, zeros, sizeof zeros) == -1);
}

/* Bytes of a page replaced by others, one at a time: whatever comes, it is bounded. */
static void damaged_pages(void)
{
	static const char bytes[] = {0, '\n', ' ', '<', '9', '-', (char)0xff};
	size_t n = strlen(debian);
	AUTO_BUF struct buf b = {0};

	buf_add(&b, debian, n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof bytes; k++) {
			struct capacity c = {0};

			b.data[i] = bytes[k];
			if (capacity_read_page(&c, b.data, n) == 0)
				CHECK(c.slots >= 1 && c.slots <= 10000 && c.load >= -1 &&
				      c.free_mb >= -1);
			b.data[i] = debian[i];
		}
}

TESTS({"the page of Debian's distccd", debians_page},
      {"every beginning of it is none", every_beginning}, {"other pages", other_pages},
      {"what is no page", no_pages}, {"damaged pages", damaged_pages})
