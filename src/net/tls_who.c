/* Names in certificates: muster://NAME/ROLE[/ROLE]... as the one subject alternative name. */
#include "base/err.h"
#include "net/tls_impl.h"

#include <openssl/x509v3.h>
#include <string.h>

static const struct {
	const char *word;
	unsigned role;
} roles[] = {
    {"worker",    TLS_WORKER   },
    {"user",      TLS_USER     },
    {"scheduler", TLS_SCHEDULER}
};

enum {
	NROLES = sizeof roles / sizeof *roles
};

static const char scheme[] = "muster://";

bool tls_name_is_good(const char *name, size_t n)
{
	if (n == 0 || n >= TLS_NAME || name[0] == '-' || name[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)name[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
		    !(c >= 'A' && c <= 'Z') && c != '.' && c != '-' && c != '_')
			return false;
	}
	return true;
}

static unsigned role_of(const char *p, size_t n)
{
	for (size_t i = 0; i < NROLES; i++)
		if (strlen(roles[i].word) == n && memcmp(p, roles[i].word, n) == 0)
			return roles[i].role;
	return 0;
}

int tls_who_parse(struct tls_who *who, const char *uri, size_t n)
{
	const char *end = uri + n, *p = uri + sizeof scheme - 1;

	*who = (struct tls_who){0};
	if (n < sizeof scheme || memcmp(uri, scheme, sizeof scheme - 1) != 0)
		return -1;
	const char *slash = memchr(p, '/', (size_t)(end - p));

	if (!slash || !tls_name_is_good(p, (size_t)(slash - p)))
		return -1;
	struct tls_who found = {0};

	memcpy(found.name, p, (size_t)(slash - p));
	while (slash) {
		const char *word = slash + 1;

		slash = memchr(word, '/', (size_t)(end - word));
		unsigned role = role_of(word, (size_t)((slash ? slash : end) - word));

		if (!role || found.roles & role)
			return -1;
		found.roles |= role;
	}
	*who = found;
	return 0;
}

void tls_who_print(const struct tls_who *who, struct buf *out)
{
	buf_printf(out, "%s%s", scheme, who->name);
	for (size_t i = 0; i < NROLES; i++)
		if (who->roles & roles[i].role)
			buf_printf(out, "/%s", roles[i].word);
}

const char *tls_roles_words(unsigned set, char out[40])
{
	size_t n = 0;

	out[0] = 0;
	for (size_t i = 0; i < NROLES; i++) {
		if (!(set & roles[i].role))
			continue;
		if (n)
			n = (size_t)(stpcpy(out + n, ", ") - out);
		n = (size_t)(stpcpy(out + n, roles[i].word) - out);
	}
	return out;
}

int tls_who_of(struct tls_who *who, X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const GENERAL_NAME *name =
	    sk_GENERAL_NAME_num(names) == 1 ? sk_GENERAL_NAME_value(names, 0) : NULL;
	int r = -1;

	*who = (struct tls_who){0};
	if (name && name->type == GEN_URI) {
		const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;

		r = tls_who_parse(who, (const char *)ASN1_STRING_get0_data(uri),
				  (size_t)ASN1_STRING_length(uri));
	}
	GENERAL_NAMES_free(names);
	return r;
}
