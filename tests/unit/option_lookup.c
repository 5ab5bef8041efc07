#include "cc/options.h"

#include <stdio.h>
#include <string.h>

/* Tells what the table of options says: reads one option word a line and prints "WORD known|unknown
 * DISPOSITION" for each. Its argument is the family: gcc or clang. */

static const char *disposition_name(const struct cc_option *row)
{
	static const char *const names[] = {
	    [CC_D_PASS] = "pass",   [CC_D_PROBE] = "probe",
	    [CC_D_MODEL] = "model", [CC_D_OUTPUT] = "output",
	    [CC_D_LOCAL] = "local", [CC_D_NOCOMPILE] = "nocompile",
	};

	return row ? names[row->disposition] : "-";
}

int main(int argc, char *argv[])
{
	enum cc_family family = argc == 2 ? cc_family_of(argv[1]) : 0;
	char line[1024];

	if (!family) {
		fprintf(stderr, "usage: option_lookup gcc|clang <words\n");
		return 2;
	}
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';

		const char *arg;
		const struct cc_option *row = cc_option_find(family, line, &arg);

		printf("%s %s %s\n", line, row ? "known" : "unknown",
		       disposition_name(row));
	}
	return 0;
}
