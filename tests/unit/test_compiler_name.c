/* Which names of programs are compilers. */
#include "cli/compiler_name.h"
#include "test.h"

static int all(const char *const *names, int want)
{
	int ok = 1;

	for (; *names; names++)
		if (compiler_name_is(*names) != want) {
			printf("# %s is taken for %s\n", *names,
			       want ? "no compiler" : "a compiler");
			ok = 0;
		}
	return ok;
}

static void compilers(void)
{
	static const char *const names[] = {"cc",
					    "c++",
					    "c89",
					    "c99",
					    "gcc",
					    "g++",
					    "c89-gcc",
					    "c99-gcc",
					    "clang",
					    "clang++",
					    "gcc-12",
					    "g++-12",
					    "gcc-4.9",
					    "clang-14",
					    "clang++-14",
					    "x86_64-linux-gnu-gcc",
					    "x86_64-linux-gnu-g++-12",
					    "arm-none-eabi-gcc",
					    "aarch64-linux-gnu-gcc-4.8.2",
					    "x86_64-w64-mingw32-g++",
					    "x86_64-pc-linux-gnu-gcc-13",
					    "riscv64-elf-gcc",
					    "avr-gcc",
					    "armv7a-linux-androideabi21-clang++",
					    NULL};

	CHECK(all(names, 1));
}

static void others(void)
{
	static const char *const names[] = {"",
					    "-",
					    "cpp",
					    "cpp-12",
					    "c",
					    "c++filt",
					    "gcc-",
					    "gcc-ar",
					    "gcc-ar-12",
					    "gcc-nm",
					    "gcc-12-",
					    "gcc-12.",
					    "gcc12",
					    "gcc-.5",
					    "cc-12",
					    "g++-12.x",
					    "clang-format-14",
					    "clang-tidy",
					    "clangd",
					    "clang-cl-14",
					    "gnatgcc",
					    "x86_64-linux-gnu-gcc-ar-12",
					    "x86_64-linux-gnu-gnatgcc",
					    "x86_64-linux-gnu-",
					    "-linux-gcc",
					    "a--b-gcc",
					    "a-b-c-d-e-gcc",
					    "my-wrap/er-gcc",
					    "a b-c-gcc",
					    "afl-gcc",
					    "distcc",
					    NULL};

	CHECK(all(names, 0));
}

TESTS({"compilers", compilers}, {"other programs", others})
