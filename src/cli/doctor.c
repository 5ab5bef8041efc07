#include "cli/doctor.h"

#include "base/mem.h"
#include "run/jsontext.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TEXT_MAX = 4096, /* of one sentence */
	SHOWN = 6        /* names of a list */
};

static const char *const group_names[] = {
    [DOCTOR_COMPILERS] = "compilers", [DOCTOR_LINKS] = "links",
    [DOCTOR_AGENT] = "agent",         [DOCTOR_HOSTS] = "hosts",
    [DOCTOR_CCACHE] = "ccache",       [DOCTOR_ENVIRONMENT] = "environment",
    [DOCTOR_MEMORY] = "memory",       [DOCTOR_LIMITS] = "limits",
    [DOCTOR_SANDBOX] = "sandbox",
};
static const char *const level_names[] = {
    [DOCTOR_OK] = "ok", [DOCTOR_NOTE] = "note", [DOCTOR_WRONG] = "wrong"};

/* What comes from outside (a log, a variable, another machine) may hold anything: here
 * it stays in its line. */
static const char *one_line(struct arena *arena, const char *fmt, va_list ap)
{
	char text[TEXT_MAX];

	vsnprintf(text, sizeof text, fmt, ap);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return arena_strdup(arena, text);
}

void doctor_say(struct doctor *d, enum doctor_group group, enum doctor_level level,
		const char *fmt, ...)
{
	va_list ap;

	if (d->n == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 32;
		d->v = xreallocarray(d->v, d->cap, sizeof *d->v);
	}
	va_start(ap, fmt);
	d->v[d->n++] = (struct finding){group, level, one_line(d->arena, fmt, ap), ""};
	va_end(ap);
}

void doctor_advise(struct doctor *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	d->v[d->n - 1].remedy = one_line(d->arena, fmt, ap);
	va_end(ap);
}

size_t doctor_count(const struct doctor *d, enum doctor_level level)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->v[i].level == level;
	return n;
}

void doctor_free(struct doctor *d)
{
	free(d->v);
}

void doctor_text(struct buf *out, const struct doctor *d, bool quiet)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct finding *f = &d->v[i];

		if (!quiet || f->level != DOCTOR_OK)
			buf_printf(out, "%-6s %-12s %s%s%s\n", level_names[f->level],
				   group_names[f->group], f->text, *f->remedy ? " " : "",
				   f->remedy);
	}
}

void doctor_json(struct buf *out, const struct doctor *d, bool quiet)
{
	const char *comma = "";

	buf_printf(out, "{\"wrong\": %zu, \"notes\": %zu, \"findings\": [",
		   doctor_count(d, DOCTOR_WRONG), doctor_count(d, DOCTOR_NOTE));
	for (size_t i = 0; i < d->n; i++) {
		const struct finding *f = &d->v[i];

		if (quiet && f->level == DOCTOR_OK)
			continue;
		buf_printf(out,
			   "%s\n {\"group\": \"%s\", \"level\": \"%s\", \"text\": ", comma,
			   group_names[f->group], level_names[f->level]);
		json_text(out, f->text);
		buf_str(out, ", \"remedy\": ");
		json_text(out, f->remedy);
		buf_str(out, "}");
		comma = ",";
	}
	buf_str(out, "\n]}\n");
}

const char *doctor_names(struct arena *arena, const char *const *v, size_t n)
{
	AUTO_BUF struct buf b = {0};

	for (size_t i = 0; i < n && i < SHOWN; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", v[i]);
	if (n > SHOWN)
		buf_printf(&b, " and %zu more", n - SHOWN);
	return arena_strndup(arena, b.data ? b.data : "", b.len);
}
