#include "cc/language.h"

#include "base/path.h"

#include <string.h>
/* The languages of inputs (GCC manual 3.2 "file.suffix" and "-x language"). */

#define HEADER     "a precompiled header is made here"
#define MODULE     "a module is made here"
#define FOREIGN(x) "language " x " is not distributed"

static const struct cc_input_kind names[] = {
    {"c",			CC_LANG_C,       NULL               },
    {"c++",		      CC_LANG_CXX,     NULL               },
    {"objective-c",              CC_LANG_OBJC,    NULL               },
    {"objective-c++",            CC_LANG_OBJCXX,  NULL               },
    {"cpp-output",               CC_LANG_C_CPP,   NULL               },
    {"c++-cpp-output",           CC_LANG_CXX_CPP, NULL               },
    {"objective-c-cpp-output",   CC_LANG_C_CPP,   NULL               },
    {"objc-cpp-output",          CC_LANG_C_CPP,   NULL               },
    {"objective-c++-cpp-output", CC_LANG_CXX_CPP, NULL               },
    {"objc++-cpp-output",        CC_LANG_CXX_CPP, NULL               },
    {"assembler",                CC_LANG_ASM,     NULL               },
    {"assembler-with-cpp",       CC_LANG_ASM_CPP, NULL               },
    {"c-header",		 CC_LANG_NONE,    HEADER             },
    {"c++-header",               CC_LANG_NONE,    HEADER             },
    {"c++-system-header",        CC_LANG_NONE,    MODULE             },
    {"c++-user-header",          CC_LANG_NONE,    MODULE             },
    {"c++-header-unit-header",   CC_LANG_NONE,    MODULE             },
    {"c++-module",               CC_LANG_NONE,    MODULE             },
    {"objective-c-header",       CC_LANG_NONE,    HEADER             },
    {"objective-c++-header",     CC_LANG_NONE,    HEADER             },
    {"ada",		      CC_LANG_NONE,    FOREIGN("Ada")     },
    {"adascil",		  CC_LANG_NONE,    FOREIGN("Ada")     },
    {"adawhy",		   CC_LANG_NONE,    FOREIGN("Ada")     },
    {"d",			CC_LANG_NONE,    FOREIGN("D")       },
    {"f77",		      CC_LANG_NONE,    FOREIGN("Fortran") },
    {"f77-cpp-input",            CC_LANG_NONE,    FOREIGN("Fortran") },
    {"f95",		      CC_LANG_NONE,    FOREIGN("Fortran") },
    {"f95-cpp-input",            CC_LANG_NONE,    FOREIGN("Fortran") },
    {"go",		       CC_LANG_NONE,    FOREIGN("Go")      },
    {"modula-2",		 CC_LANG_NONE,    FOREIGN("Modula-2")},
    {"cuda",		     CC_LANG_NONE,    FOREIGN("CUDA")    },
    {"cuda-cpp-output",          CC_LANG_NONE,    FOREIGN("CUDA")    },
    {"hip",		      CC_LANG_NONE,    FOREIGN("HIP")     },
    {"hip-cpp-output",           CC_LANG_NONE,    FOREIGN("HIP")     },
    {"cl",		       CC_LANG_NONE,    FOREIGN("OpenCL")  },
    {"ir",		       CC_LANG_NONE,    FOREIGN("LLVM IR") },
};

static const struct cc_input_kind suffixes[] = {
    {".c",    CC_LANG_C,       NULL               },
    {".i",    CC_LANG_C_CPP,   NULL               },
    {".ii",   CC_LANG_CXX_CPP, NULL               },
    {".m",    CC_LANG_OBJC,    NULL               },
    {".mi",   CC_LANG_C_CPP,   NULL               },
    {".mm",   CC_LANG_OBJCXX,  NULL               },
    {".M",    CC_LANG_OBJCXX,  NULL               },
    {".mii",  CC_LANG_CXX_CPP, NULL               },
    {".cc",   CC_LANG_CXX,     NULL               },
    {".cp",   CC_LANG_CXX,     NULL               },
    {".cxx",  CC_LANG_CXX,     NULL               },
    {".cpp",  CC_LANG_CXX,     NULL               },
    {".CPP",  CC_LANG_CXX,     NULL               },
    {".c++",  CC_LANG_CXX,     NULL               },
    {".C",    CC_LANG_CXX,     NULL               },
    {".s",    CC_LANG_ASM,     NULL               },
    {".S",    CC_LANG_ASM_CPP, NULL               },
    {".sx",   CC_LANG_ASM_CPP, NULL               },
    {".h",    CC_LANG_NONE,    HEADER             },
    {".hh",   CC_LANG_NONE,    HEADER             },
    {".H",    CC_LANG_NONE,    HEADER             },
    {".hp",   CC_LANG_NONE,    HEADER             },
    {".hxx",  CC_LANG_NONE,    HEADER             },
    {".hpp",  CC_LANG_NONE,    HEADER             },
    {".HPP",  CC_LANG_NONE,    HEADER             },
    {".h++",  CC_LANG_NONE,    HEADER             },
    {".tcc",  CC_LANG_NONE,    HEADER             },
    {".cppm", CC_LANG_NONE,    MODULE             },
    {".ixx",  CC_LANG_NONE,    MODULE             },
    {".ads",  CC_LANG_NONE,    FOREIGN("Ada")     },
    {".adb",  CC_LANG_NONE,    FOREIGN("Ada")     },
    {".d",    CC_LANG_NONE,    FOREIGN("D")       },
    {".dd",   CC_LANG_NONE,    FOREIGN("D")       },
    {".di",   CC_LANG_NONE,    FOREIGN("D")       },
    {".f",    CC_LANG_NONE,    FOREIGN("Fortran") },
    {".for",  CC_LANG_NONE,    FOREIGN("Fortran") },
    {".ftn",  CC_LANG_NONE,    FOREIGN("Fortran") },
    {".F",    CC_LANG_NONE,    FOREIGN("Fortran") },
    {".FOR",  CC_LANG_NONE,    FOREIGN("Fortran") },
    {".fpp",  CC_LANG_NONE,    FOREIGN("Fortran") },
    {".FPP",  CC_LANG_NONE,    FOREIGN("Fortran") },
    {".FTN",  CC_LANG_NONE,    FOREIGN("Fortran") },
    {".f90",  CC_LANG_NONE,    FOREIGN("Fortran") },
    {".f95",  CC_LANG_NONE,    FOREIGN("Fortran") },
    {".f03",  CC_LANG_NONE,    FOREIGN("Fortran") },
    {".f08",  CC_LANG_NONE,    FOREIGN("Fortran") },
    {".F90",  CC_LANG_NONE,    FOREIGN("Fortran") },
    {".F95",  CC_LANG_NONE,    FOREIGN("Fortran") },
    {".F03",  CC_LANG_NONE,    FOREIGN("Fortran") },
    {".F08",  CC_LANG_NONE,    FOREIGN("Fortran") },
    {".go",   CC_LANG_NONE,    FOREIGN("Go")      },
    {".mod",  CC_LANG_NONE,    FOREIGN("Modula-2")},
    {".cu",   CC_LANG_NONE,    FOREIGN("CUDA")    },
    {".cui",  CC_LANG_NONE,    FOREIGN("CUDA")    },
    {".hip",  CC_LANG_NONE,    FOREIGN("HIP")     },
    {".cl",   CC_LANG_NONE,    FOREIGN("OpenCL")  },
    {".ll",   CC_LANG_NONE,    FOREIGN("LLVM IR") },
    {".bc",   CC_LANG_NONE,    FOREIGN("LLVM IR") },
};

static const struct cc_input_kind *kind_find(const struct cc_input_kind *kinds, size_t n,
					     const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

const struct cc_input_kind *cc_kind_of_name(const char *name)
{
	return kind_find(names, sizeof names / sizeof names[0], name);
}

const struct cc_input_kind *cc_kind_of_suffix(const char *path)
{
	return kind_find(suffixes, sizeof suffixes / sizeof suffixes[0], path_suffix(path));
}

bool cc_driver_is_cxx(const char *name)
{
	return strstr(path_base(name), "++") != NULL;
}

const char *cc_preprocessed_suffix(enum cc_language language)
{
	switch (language) {
	case CC_LANG_C: return ".i";
	case CC_LANG_CXX: return ".ii";
	case CC_LANG_OBJC: return ".mi";
	case CC_LANG_OBJCXX: return ".mii";
	case CC_LANG_ASM_CPP: return ".s";
	case CC_LANG_NONE:
	case CC_LANG_C_CPP:
	case CC_LANG_CXX_CPP:
	case CC_LANG_ASM: break;
	}
	return NULL;
}
