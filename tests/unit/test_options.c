#include "cc/meaning.h"
#include "cc/options.h"
#include "test.h"

#include <stdbool.h>
#include <string.h>

static void rows_are_sorted_and_unique(void)
{
	CHECK(cc_noptions > 1500);
	for (size_t i = 1; i < cc_noptions; i++) {
		const struct cc_option *a = &cc_options[i - 1], *b = &cc_options[i];
		int order = strcmp(a->name, b->name);
		/* Two rows of one name belong to different families. */
		bool fine = order < 0 || (order == 0 && a->family < b->family &&
					  !(a->family & b->family));

		if (!CHECK(fine))
			printf("# %s before %s\n", a->name, b->name);
	}
}

static void rows_are_consistent(void)
{
	for (size_t i = 0; i < cc_noptions; i++) {
		const struct cc_option *row = &cc_options[i];
		bool reasoned =
		    row->disposition == CC_D_LOCAL || row->disposition == CC_D_NOCOMPILE;
		bool modelled =
		    row->disposition == CC_D_MODEL || row->disposition == CC_D_OUTPUT;
		bool fine = row->name[0] == '-' && row->name[1] &&
			    (row->why != NULL) == reasoned &&
			    (!modelled || row->meaning != MEANS_NOTHING);

		if (!CHECK(fine))
			printf("# row %s\n", row->name);
	}
}

/* Every row is found by its own name, in each of its families. */
static void rows_find_themselves(void)
{
	for (size_t i = 0; i < cc_noptions; i++) {
		const struct cc_option *row = &cc_options[i];

		for (int family = CC_GCC; family <= CC_CLANG; family++) {
			const char *arg = "unset";

			if (!(row->family & (enum cc_family)family))
				continue;
			if (!CHECK(cc_option_find((enum cc_family)family, row->name,
						  &arg) == row))
				printf("# %s\n", row->name);
			/* Only a joined argument may be empty. */
			CHECK(row->shape == CC_JOINED ? arg && !*arg : !arg);
		}
	}
}

struct lookup {
	enum cc_family family;
	const char *word;
	const char *row; /* NULL: unknown */
	const char *arg;
};

static void words_find_their_rows(void)
{
	static const struct lookup lookups[] = {
	    {CC_GCC,   "-c",                      "-c",                    NULL         },
	    {CC_GCC,   "-cx",                     NULL,                    NULL         },
	    {CC_GCC,   "-Idir",                   "-I",                    "dir"        },
	    {CC_GCC,   "-I",                      "-I",                    NULL         },
	    {CC_GCC,   "-I-",                     "-I-",                   NULL         },
	    {CC_GCC,   "-I-x",                    "-I",                    "-x"         },
	    {CC_GCC,   "-O",                      "-O",                    ""           },
	    {CC_GCC,   "-O3",                     "-O",                    "3"          },
	    {CC_GCC,   "-o",                      "-o",                    NULL         },
	    {CC_GCC,   "-oout/x.o",               "-o",                    "out/x.o"    },
	    {CC_GCC,   "-Wall",                   "-W",                    "all"        },
	    {CC_GCC,   "-Wno-unused",             "-W",                    "no-unused"  },
	    {CC_GCC,   "-Wp,-MD,x",               "-Wp,",                  "-MD,x"      },
	    {CC_GCC,   "-Wa,-ahl",                "-Wa,",                  "-ahl"       },
	    {CC_GCC,   "-Wpedantic",              "-Wpedantic",            NULL         },
	    {CC_GCC,   "-MD",                     "-MD",                   NULL         },
	    {CC_GCC,   "-MDx",                    NULL,                    NULL         },
	    {CC_GCC,   "-MMD",                    "-MMD",                  NULL         },
	    {CC_GCC,   "-MFx.d",                  "-MF",                   "x.d"        },
	    {CC_GCC,   "-isystemdir",             "-isystem",              "dir"        },
	    {CC_GCC,   "-include",                "-include",              NULL         },
	    {CC_CLANG, "-include-pch",            "-include-pch",          NULL         },
	    {CC_GCC,   "-g",                      "-g",                    ""           },
	    {CC_GCC,   "-ggdb3",                  "-g",                    "gdb3"       },
	    {CC_GCC,   "-gsplit-dwarf",           "-gsplit-dwarf",         NULL         },
	    {CC_CLANG, "-gsplit-dwarf=single",    "-gsplit-dwarf=",        "single"     },
	    {CC_GCC,   "-std=gnu17",              "-std=",                 "gnu17"      },
	    {CC_GCC,   "-finput-charset=utf-8",   "-finput-charset=utf-8", NULL         },
	    {CC_GCC,   "-finput-charset=utf-16",  "-finput-charset=",      "utf-16"     },
	    {CC_GCC,   "-fno-inline",             "-finline",              NULL         },
	    {CC_GCC,   "-fno-builtin-memcpy",     "-fbuiltin-",            "memcpy"     },
	    {CC_GCC,   "-fno-sanitize=undefined", "-fsanitize=",           "undefined"  },
	    {CC_GCC,   "-mno-sse4.2",             "-msse4.2",              NULL         },
	    {CC_GCC,   "-mno-red-zone",           "-mred-zone",            NULL         },
	    {CC_GCC,   "-fno-stack-usage",        "-fno-",                 NULL         }, /* switched off: writes nothing */
	    {CC_GCC,   "-fno-syntax-only",        "-fno-",                 NULL         },
	    {CC_GCC,   "-fno-time-report",        "-fno-",                 NULL         },
	    {CC_GCC,   "-fno-such-thing-at-all",  NULL,                    NULL         },
	    {CC_GCC,   "-fsuch-thing",            NULL,                    NULL         },
	    {CC_GCC,   "-msuch-thing",            NULL,                    NULL         },
	    {CC_GCC,   "-mno-such-thing",         NULL,                    NULL         },
	    {CC_GCC,   "-fno-",                   NULL,                    NULL         },
	    {CC_GCC,   "-fdump-tree-all",         "-fdump-",               "tree-all"   },
	    {CC_GCC,   "-dumpmachine",            "-dumpmachine",          NULL         },
	    {CC_GCC,   "-dumpnothing",            "-d",                    "umpnothing" },
	    {CC_GCC,   "-print-file-name=x",      "-print-",               "file-name=x"},
	    {CC_GCC,   "-Xclang",                 NULL,                    NULL         },
	    {CC_CLANG, "-Xclang",                 "-Xclang",               NULL         },
	    {CC_CLANG, "-fauto-profile=x",        "-fauto-profile=",       "x"          },
	    {CC_GCC,   "--param=a=b",             "--param=",              "a=b"        },
	    {CC_GCC,   "--param",                 "--param",               NULL         },
	    {CC_GCC,   "-fmodules-ts",            "-fmodule",              "s-ts"       },
	    {CC_GCC,   "-fmodulo-sched",          "-fmodulo-sched",        NULL         },
	    {CC_GCC,   "-fno-modules",            "-fno-modules",          NULL         },
	    {CC_GCC,   "--",                      NULL,                    NULL         },
	    {CC_GCC,   "-",                       NULL,                    NULL         },
	    {CC_GCC,   "",                        NULL,                    NULL         },
	};

	for (size_t i = 0; i < sizeof lookups / sizeof lookups[0]; i++) {
		const struct lookup *l = &lookups[i];
		const char *arg = NULL;
		const struct cc_option *row = cc_option_find(l->family, l->word, &arg);
		bool fine = l->row ? row && strcmp(row->name, l->row) == 0 : !row;

		fine = fine && (l->arg ? arg && strcmp(arg, l->arg) == 0 : !arg);
		if (!CHECK(fine))
			printf("# %s gives %s, %s\n", l->word, row ? row->name : "nothing",
			       arg ? arg : "no argument");
	}
}

static void long_words_are_found(void)
{
	char word[5000] = "-fno-sanitize=";
	const char *arg;

	memset(word + 14, 'x', sizeof word - 15);
	const struct cc_option *row = cc_option_find(CC_GCC, word, &arg);

	CHECK(row && strcmp(row->name, "-fsanitize=") == 0);
	CHECK(arg == word + 14);
	memset(word + 5, 'x', sizeof word - 6);
	CHECK(!cc_option_find(CC_GCC, word, &arg));
	word[1] = 'D';
	row = cc_option_find(CC_GCC, word, &arg);
	CHECK(row && row->meaning == MEANS_DEFINE && arg == word + 2);
}

static void dispositions_of_some(void)
{
	static const struct {
		const char *word;
		enum cc_disposition disposition;
	} some[] = {
	    {"-fPIC",		      CC_D_PROBE    },
	    {"-m32",		       CC_D_PROBE    },
	    {"-O2",			CC_D_PROBE    },
	    {"-Wvla",		      CC_D_PROBE    },
	    {"-Wvla-larger-than=3",        CC_D_PASS     },
	    {"-fdiagnostics-color=always", CC_D_PASS     },
	    {"-frandom-seed=x",            CC_D_PASS     },
	    {"-ffile-prefix-map=a=b",      CC_D_PASS     },
	    {"-fplugin=x.so",              CC_D_LOCAL    },
	    {"-fstack-usage",              CC_D_OUTPUT   },
	    {"-march=native",              CC_D_MODEL    },
	    {"-E",			 CC_D_NOCOMPILE},
	    {"-lm",			CC_D_PASS     },
	    {"-Wl,-z,now",                 CC_D_PASS     },
	    {"-mcpu=cortex-m4",            CC_D_MODEL    },
	    {"-mthumb",                    CC_D_PROBE    },
	};

	for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
		const char *arg;
		const struct cc_option *row = cc_option_find(CC_GCC, some[i].word, &arg);

		if (!CHECK(row && row->disposition == some[i].disposition))
			printf("# %s\n", some[i].word);
	}
}

static void families_by_name(void)
{
	static const struct {
		const char *name;
		enum cc_family family;
	} names[] = {
	    {"gcc",			   CC_GCC  },
	    {"g++",			   CC_GCC  },
	    {"cc",			    CC_GCC  },
	    {"c++",			   CC_GCC  },
	    {"c89",			   CC_GCC  },
	    {"c99",			   CC_GCC  },
	    {"clang",			 CC_CLANG},
	    {"clang++",                       CC_CLANG},
	    {"/usr/bin/gcc",                  CC_GCC  },
	    {"./clang",                       CC_CLANG},
	    {"gcc-12",			CC_GCC  },
	    {"gcc-12.2",                      CC_GCC  },
	    {"gcc-12.2.0",                    CC_GCC  },
	    {"clang++-14",                    CC_CLANG},
	    {"x86_64-linux-gnu-gcc",          CC_GCC  },
	    {"x86_64-linux-gnu-g++-12",       CC_GCC  },
	    {"arm-none-eabi-gcc",             CC_GCC  },
	    {"avr-gcc",                       CC_GCC  },
	    {"i686-w64-mingw32-g++",          CC_GCC  },
	    {"i686-w64-mingw32-gcc-12-posix", CC_GCC  },
	    {"aarch64-linux-gnu-clang",       CC_CLANG},
	    {"gcc-ar",			0       },
	    {"gcc-ar-12",                     0       },
	    {"gcc-nm",			0       },
	    {"gcc-ranlib",                    0       },
	    {"clang-format",                  0       },
	    {"clang-tidy-14",                 0       },
	    {"clang-cl",                      0       },
	    {"cpp",			   0       },
	    {"clang-cpp",                     0       },
	    {"x86_64-linux-gnu-cpp",          0       },
	    {"ld",			    0       },
	    {"gcc-",			  0       },
	    {"gcc-12.",                       0       },
	    {"gcc12",			 0       },
	    {"mygcc",			 0       },
	    {"musl-gcc",                      0       },
	    {"afl-clang",                     0       },
	    {"a b-c-gcc",                     0       },
	    {"-gcc",			  0       },
	    {"12",			    0       },
	    {"-12",			   0       },
	    {"",			      0       },
	    {"gcc/",			  0       },
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (!CHECK(cc_family_of(names[i].name) == names[i].family))
			printf("# %s\n", names[i].name);
}

TESTS({"rows are sorted and unique", rows_are_sorted_and_unique},
      {"rows are consistent", rows_are_consistent},
      {"rows find themselves", rows_find_themselves},
      {"words find their rows", words_find_their_rows},
      {"long words are found", long_words_are_found},
      {"dispositions of some options", dispositions_of_some},
      {"families by name", families_by_name})
