/* Compares two saved `muster status --json`, for farm.sh, which asks after every case (jq takes longer to start than
 * a compiler to compile):
 *
 *   counters BEFORE AFTER remote N         N compiles more on workers, none here
 *   counters BEFORE AFTER local RE         none on a worker, some here or of other commands, and one more of a reason
 *                                          that matches RE
 *   counters BEFORE AFTER any              some compile or other command was counted
 *
 * The exit status tells whether it is so; 2: it cannot be told. A file that holds {} counts nothing. */
#include <jansson.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

static json_t *before, *after;

static json_int_t count(json_t *status, const char *of, const char *name)
{
	json_t *from = of ? json_object_get(status, of) : status;

	return json_integer_value(json_object_get(from, name));
}

static json_int_t rise(const char *of, const char *name)
{
	return count(after, of, name) - count(before, of, name);
}

/* Whether a counter of the object NAME that rose has a name which matches. */
static int reason_rose(const char *name, const regex_t *re)
{
	const char *reason;
	json_t *value;

	json_object_foreach(json_object_get(after, name), reason,
			    value) if (rise(name, reason) > 0 &&
				       !regexec(re, reason, 0, NULL, 0)) return 1;
	return 0;
}

int main(int argc, char **argv)
{
	const char *want = argc > 3 ? argv[3] : "", *how = argc > 4 ? argv[4] : "";
	json_int_t remote, local, other;
	regex_t re;

	if (argc < 4 || !(before = json_load_file(argv[1], 0, NULL)) ||
	    !(after = json_load_file(argv[2], 0, NULL)))
		return 2;
	remote = rise("jobs", "remote");
	local = rise("jobs", "local");
	other = rise(NULL, "other");
	if (!strcmp(want, "remote"))
		return !(remote == atoi(how) && local == 0);
	if (!strcmp(want, "any"))
		return !(remote + local + other >= 1);
	if (strcmp(want, "local") ||
	    regcomp(&re, how, REG_EXTENDED | REG_ICASE | REG_NOSUB))
		return 2;
	return !(remote == 0 && local + other >= 1 &&
		 (reason_rose("why_local", &re) || reason_rose("why_other", &re)));
}
