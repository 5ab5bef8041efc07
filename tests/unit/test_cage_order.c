/* An order is read as it was written, and half an order is none. */
#include "test.h"
#include "worker/order.h"

#include <string.h>
#include <sys/stat.h>

static void as_it_was_written(void)
{
	const char *lower[] = {"/", "/nowhere,c:d"};
	const struct sandbox_bind binds[] = {
	    {"/usr/include", "/usr/include"},
            {"/x",           "/y"          }
        };
	char *argv[] = {(char[]){"gcc"}, (char[]){""}, (char[]){"-c"}, NULL};
	char *env[] = {(char[]){"LANG=C"}, NULL};
	const struct sandbox_spec spec = {.lower = lower,
					  .nlower = 2,
					  .binds = binds,
					  .nbinds = 2,
					  .cwd = "/work",
					  .program = "/usr/bin/gcc",
					  .argv = argv,
					  .env = env,
					  .memory_bytes = UINT64_C(5) << 40,
					  .scratch_bytes = 7,
					  .cpu_s = 8,
					  .umask = 027};
	AUTO_BUF struct buf b = {0};
	struct order o;

	order_put(&b, &spec);
	CHECK(order_get(&o, b.data, b.len) == 0);
	struct stat st;

	CHECK(stat("/", &st) == 0);
	CHECK(o.spec.nlower == 2 && strcmp(o.lower[0].path, "/") == 0 &&
	      o.lower[0].dev == st.st_dev && o.lower[0].ino == st.st_ino);
	CHECK(strcmp(o.lower[1].path, "/nowhere,c:d") == 0 && o.lower[1].ino == 0);
	CHECK(o.spec.nbinds == 2 && strcmp(o.spec.binds[1].to, "/y") == 0 &&
	      strcmp(o.froms[1].path, "/x") == 0);
	CHECK(strcmp(o.spec.argv[0], "gcc") == 0 && o.spec.argv[1][0] == 0 &&
	      !o.spec.argv[3]);
	CHECK(strcmp(o.spec.env[0], "LANG=C") == 0 && !o.spec.env[1]);
	CHECK(strcmp(o.spec.cwd, "/work") == 0 &&
	      strcmp(o.spec.program, "/usr/bin/gcc") == 0);
	CHECK(o.spec.memory_bytes == UINT64_C(5) << 40 && o.spec.scratch_bytes == 7);
	CHECK(o.spec.cpu_s == 8 && o.spec.umask == 027);
	order_free(&o);
	for (size_t n = 0; n < b.len; n++)
		CHECK(order_get(&o, b.data, n) == -1);
	buf_u8(&b, 0);
	CHECK(order_get(&o, b.data, b.len) == -1);
}

TESTS({"as it was written", as_it_was_written})
