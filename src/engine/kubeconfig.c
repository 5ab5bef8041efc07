/* Files are taken in their order: the first that says which context is current, or that has a name, counts. Paths in a file are
 * relative to its folder. Certificates are handed on as text, whether they stood in the file or in another one. */
#include "engine/kubeconfig.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/path.h"
#include "engine/base64.h"
#include "engine/yaml.h"
#include "sys/fs.h"
#include "sys/spawn.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"

enum {
	FILES = 16,
	EXEC_OUTPUT = 1 << 20
};

struct file {
	json_t *o;
	char *dir;
};

struct files {
	struct file v[FILES];
	size_t n;
};

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* -- the files ------------------------------------------------------------------------------- */

static int read_file(struct files *f, const char *path, struct err *e)
{
	AUTO_BUF struct buf b = {0};
	struct arena *a = arena_new();

	if (f->n == FILES || fs_read(path, KUBECONFIG_MAX, &b, e)) {
		arena_free(a);
		return -1;
	}
	json_t *o = yaml_read(b.len ? b.data : "", b.len, e);

	if (o)
		f->v[f->n++] = (struct file){o, xstrdup(path_dir(a, path))};
	else
		err_wrap(e, "%s", path);
	arena_free(a);
	return o ? 0 : -1;
}

/* 1: there is none at all. */
static int read_files(struct files *f, struct err *e)
{
	const char *named = getenv("KUBECONFIG"), *home = getenv("HOME");
	AUTO_FREE char *list = named && *named ? xstrdup(named)
			       : home          ? xasprintf("%s/.kube/config", home)
					       : xstrdup("");
	char *path;

	for (char *rest = list; (path = strsep(&rest, ":"));)
		if (*path && access(path, F_OK) == 0 && read_file(f, path, e))
			return -1;
	return f->n == 0;
}

/* The entry NAME of the list LIST ("contexts"), of it the part PART ("context"); *DIR is its file's folder. NULL: there is none. */
static const json_t *find(const struct files *f, const char *list, const char *name,
			  const char *part, const char **dir)
{
	for (size_t i = 0; name && i < f->n; i++) {
		const json_t *all = json_object_get(f->v[i].o, list);

		for (size_t k = 0; k < json_array_size(all); k++) {
			const json_t *one = json_array_get(all, k);
			const char *own = text_of(one, "name");

			if (own && strcmp(own, name) == 0) {
				*dir = f->v[i].dir;
				return json_object_get(one, part);
			}
		}
	}
	return NULL;
}

static char *decode_base64(struct arena *a, const char *text)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = arena_alloc(a, strlen(text) + 1), *to = out;
	unsigned v = 0, bits = 0;

	for (; *text; text++) {
		const char *at = strchr(digits, *text);

		if (!at)
			continue;
		v = (v << 6 | (unsigned)(at - digits)) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*to++ = (char)(v >> bits);
		}
	}
	return out;
}

/* The text of KEY-data, else of the file that KEY names; NULL: neither is there, or ERR is set. */
static char *pem_of(struct kubeconfig *k, const json_t *o, const char *key, const char *dir,
		    struct err *e)
{
	const char *data = text_of(o, arena_printf(k->arena, "%s-data", key));
	const char *file = text_of(o, key);
	AUTO_BUF struct buf b = {0};

	if (data)
		return decode_base64(k->arena, data);
	if (!file || fs_read(path_join(k->arena, dir, file), KUBECONFIG_MAX, &b, e))
		return NULL;
	return arena_strndup(k->arena, b.data, b.len);
}

/* -- what is in them ------------------------------------------------------------------------- */

static int take_proxy(struct kubeconfig *k, const char *url, struct err *e)
{
	static const char *const schemes[] = {"http://", "https://", "socks5://",
					      "socks5h://"};

	k->trust.proxy = url && *url ? arena_strdup(k->arena, url) : NULL;
	for (size_t i = 0; k->trust.proxy && i < sizeof schemes / sizeof *schemes; i++)
		if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
			return 0;
	return k->trust.proxy ? err_set(e, 0,
					"the kubeconfig's proxy-url is '%.100s': http, "
					"https and socks5 are known",
					url)
			      : 0;
}

static int take_cluster(struct kubeconfig *k, const json_t *o, const char *dir,
			struct err *e)
{
	const char *server = text_of(o, "server");

	if (!server)
		return err_set(e, 0, "the cluster has no server");
	k->server = arena_strdup(k->arena, server);
	while (*k->server && k->server[strlen(k->server) - 1] == '/')
		k->server[strlen(k->server) - 1] = 0;
	k->trust.ca = pem_of(k, o, "certificate-authority", dir, e);
	k->trust.insecure = json_is_true(json_object_get(o, "insecure-skip-tls-verify"));
	k->trust.server_name = arena_strdup(k->arena, text_of(o, "tls-server-name"));
	return *e->text ? -1 : take_proxy(k, text_of(o, "proxy-url"), e);
}

/* What the command for credentials is told when it wants to know (provideClusterInfo). */
static char *cluster_for_exec(struct kubeconfig *k, const json_t *o)
{
	AUTO_BUF struct buf ca = {0};
	json_t *told = json_pack("{s:s, s:b}", "server", k->server,
				 "insecure-skip-tls-verify", k->trust.insecure);

	if (k->trust.ca) {
		base64_put(&ca, k->trust.ca, strlen(k->trust.ca), 0);
		buf_u8(&ca, 0);
		json_object_set_new(told, "certificate-authority-data",
				    json_string(ca.data));
	}
	if (k->trust.server_name)
		json_object_set_new(told, "tls-server-name",
				    json_string(k->trust.server_name));
	if (k->trust.proxy)
		json_object_set_new(told, "proxy-url", json_string(k->trust.proxy));
	const json_t *extensions = json_object_get(o, "extensions");

	for (size_t i = 0; i < json_array_size(extensions); i++) {
		const json_t *x = json_array_get(extensions, i);
		const char *name = text_of(x, "name");

		if (name && strcmp(name, "client.authentication.k8s.io/exec") == 0)
			json_object_set(told, "config", json_object_get(x, "extension"));
	}
	char *text = json_dumps(told, JSON_COMPACT), *kept = arena_strdup(k->arena, text);

	free(text);
	json_decref(told);
	return kept;
}

static int take_exec(struct kubeconfig *k, const json_t *o, const char *dir, struct err *e)
{
	const char *command = text_of(o, "command"), *version = text_of(o, "apiVersion"),
		   *mode = text_of(o, "interactiveMode");
	const json_t *args = json_object_get(o, "args"), *env = json_object_get(o, "env");

	if (!command)
		return 0;
	if (mode && strcmp(mode, "Always") == 0)
		return err_set(
		    e, 0,
		    "%s, which the kubeconfig names for credentials, insists on "
		    "asking somebody (interactiveMode: Always), and nobody is here",
		    command);
	k->exec_hint = arena_strdup(k->arena, text_of(o, "installHint"));
	strv_add(k->arena, &k->exec,
		 strchr(command, '/') ? path_join(k->arena, dir, command)
				      : arena_strdup(k->arena, command));
	for (size_t i = 0; i < json_array_size(args); i++)
		if (json_is_string(json_array_get(args, i)))
			strv_add(k->arena, &k->exec,
				 arena_strdup(k->arena,
					      json_string_value(json_array_get(args, i))));
	for (size_t i = 0; i < json_array_size(env); i++) {
		const char *name = text_of(json_array_get(env, i), "name"),
			   *value = text_of(json_array_get(env, i), "value");

		if (name)
			strv_add(k->arena, &k->exec_env,
				 arena_printf(k->arena, "%s=%s", name, value ? value : ""));
	}
	k->exec_version =
	    arena_strdup(k->arena, version ? version : "client.authentication.k8s.io/v1");
	return 0;
}

/* Whom to act as: kubectl's --as and --as-group. */
static int take_as(struct kubeconfig *k, const json_t *o, struct err *e)
{
	const json_t *groups = json_object_get(o, "as-groups");
	const char *as = text_of(o, "as");

	if (json_object_get(o, "as-uid") || json_object_get(o, "as-user-extra"))
		return err_set(
		    e, 0,
		    "the kubeconfig has as-uid or as-user-extra, which are not known "
		    "here: only as and as-groups are");
	if (json_array_size(groups) >= KUBECONFIG_HEADERS)
		return err_set(e, 0, "the kubeconfig has more than %d as-groups",
			       KUBECONFIG_HEADERS - 1);
	if (as)
		strv_add(k->arena, &k->headers,
			 arena_printf(k->arena, "Impersonate-User: %s", as));
	for (size_t i = 0; i < json_array_size(groups); i++) {
		const char *group = json_string_value(json_array_get(groups, i));

		if (group)
			strv_add(k->arena, &k->headers,
				 arena_printf(k->arena, "Impersonate-Group: %s", group));
	}
	return 0;
}

static int take_user(struct kubeconfig *k, const json_t *o, const char *dir, struct err *e)
{
	const char *file = text_of(o, "tokenFile");

	k->trust.certificate = pem_of(k, o, "client-certificate", dir, e);
	k->trust.key = pem_of(k, o, "client-key", dir, e);
	k->trust.user = arena_strdup(k->arena, text_of(o, "username"));
	k->trust.password = arena_strdup(k->arena, text_of(o, "password"));
	k->token = arena_strdup(k->arena, text_of(o, "token"));
	k->token_file = file ? path_join(k->arena, dir, file) : NULL;
	const char *old = text_of(json_object_get(o, "auth-provider"), "name");

	if (old)
		return err_set(
		    e, 0,
		    "the kubeconfig has the auth-provider '%.60s', which Kubernetes "
		    "has given up: its successor is a command (exec)",
		    old);
	if (take_exec(k, json_object_get(o, "exec"), dir, e) || take_as(k, o, e))
		return -1;
	return *e->text ? -1 : 0;
}

static int take_context(struct kubeconfig *k, const struct files *f, const char *name,
			struct err *e)
{
	const char *dir = "";

	for (size_t i = 0; !name && i < f->n; i++)
		name = text_of(f->v[i].o, "current-context");
	if (!name || !*name)
		return err_set(e, 0, "no context is current in the kubeconfig");
	const json_t *context = find(f, "contexts", name, "context", &dir);

	if (!context)
		return err_set(e, 0, "the kubeconfig has no context '%s'", name);
	k->namespace_ = arena_strdup(k->arena, text_of(context, "namespace"));
	const json_t *cluster =
	    find(f, "clusters", text_of(context, "cluster"), "cluster", &dir);

	if (!cluster || take_cluster(k, cluster, dir, e))
		return cluster ? -1
			       : err_set(e, 0, "the kubeconfig lacks the cluster of '%s'",
					 name);
	const json_t *user = find(f, "users", text_of(context, "user"), "user", &dir);

	if (!user)
		return 0;
	if (json_is_true(
		json_object_get(json_object_get(user, "exec"), "provideClusterInfo")))
		k->exec_cluster = cluster_for_exec(k, cluster);
	return take_user(k, user, dir, e);
}

/* The account of the pod that we are in. */
static int take_account(struct kubeconfig *k, struct err *e)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST"),
		   *port = getenv("KUBERNETES_SERVICE_PORT");
	AUTO_BUF struct buf ca = {0}, space = {0};

	if (!host || !port)
		return err_set(
		    e, 0,
		    "there is neither a kubeconfig ($KUBECONFIG, ~/.kube/config) "
		    "nor the account of a pod");
	k->server = arena_printf(
	    k->arena, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
	k->token_file = arena_strdup(k->arena, ACCOUNT "token");
	if (fs_read(ACCOUNT "ca.crt", KUBECONFIG_MAX, &ca, e))
		return -1;
	k->trust.ca = arena_strndup(k->arena, ca.data, ca.len);
	if (fs_read(ACCOUNT "namespace", KUBECONFIG_MAX, &space, NULL) == 0)
		k->namespace_ = arena_strndup(k->arena, space.data, space.len);
	return 0;
}

int kubeconfig_read(struct kubeconfig *k, const char *context, struct err *e)
{
	struct files f = {0};

	*k = (struct kubeconfig){.arena = arena_new()};
	e->text[0] = 0;
	int failed = read_files(&f, e);

	if (failed == 0)
		failed = take_context(k, &f, context, e);
	else if (failed > 0)
		failed = take_account(k, e);
	for (size_t i = 0; i < f.n; i++) {
		json_decref(f.v[i].o);
		free(f.v[i].dir);
	}
	return failed ? -1 : 0;
}

/* -- credentials that change ----------------------------------------------------------------- */

static int take_credential(struct kubeconfig *k, const struct buf *out, struct err *e)
{
	json_t *o = json_loadb(out->data, out->len, 0, NULL);
	const json_t *status = json_object_get(o, "status");
	const char *token = text_of(status, "token"),
		   *certificate = text_of(status, "clientCertificateData"),
		   *key = text_of(status, "clientKeyData");

	if (token)
		k->token = arena_strdup(k->arena, token);
	if (certificate && key) {
		k->trust.certificate = arena_strdup(k->arena, certificate);
		k->trust.key = arena_strdup(k->arena, key);
	}
	json_decref(o);
	return token || (certificate && key)
		   ? 0
		   : err_set(e, 0, "%s gave no credentials", k->exec.v[0]);
}

static int run_exec(struct kubeconfig *k, struct err *e)
{
	AUTO_FREE char *program = spawn_find(k->exec.v[0]);
	AUTO_BUF struct buf out = {0}, said = {0};
	struct strv env = {0};
	int status;

	if (!program)
		return err_set(e, 0,
			       "%s, which the kubeconfig names for credentials, is not "
			       "on PATH%s%.200s",
			       k->exec.v[0], k->exec_hint ? ": " : "",
			       k->exec_hint ? k->exec_hint : "");
	for (size_t i = 0; environ[i]; i++)
		strv_add(k->arena, &env, environ[i]);
	for (size_t i = 0; i < k->exec_env.n; i++)
		strv_add(k->arena, &env, k->exec_env.v[i]);
	strv_add(k->arena, &env,
		 arena_printf(k->arena,
			      "KUBERNETES_EXEC_INFO={\"apiVersion\":\"%s\",\"kind\":"
			      "\"ExecCredential\",\"spec\":{%s%s%s\"interactive\":false}}",
			      k->exec_version, k->exec_cluster ? "\"cluster\":" : "",
			      k->exec_cluster ? k->exec_cluster : "",
			      k->exec_cluster ? "," : ""));
	struct strv argv = {0};

	strv_add(k->arena, &argv, arena_strdup(k->arena, program));
	for (size_t i = 1; i < k->exec.n; i++)
		strv_add(k->arena, &argv, k->exec.v[i]);
	if (spawn_capture(argv.v, env.v, NULL, EXEC_OUTPUT, KUBECONFIG_EXEC_MS, &out, &said,
			  &status, e))
		return -1;
	buf_u8(&said, 0);
	said.data[strcspn(said.data, "\n")] = 0;
	if (status)
		return err_set(e, 0, "%s gave no credentials: %.200s", k->exec.v[0],
			       said.data);
	return take_credential(k, &out, e);
}

int kubeconfig_refresh(struct kubeconfig *k, struct err *e)
{
	AUTO_BUF struct buf b = {0};

	if (k->token_file) {
		if (fs_read(k->token_file, KUBECONFIG_MAX, &b, e))
			return -1;
		while (b.len && strchr("\r\n ", b.data[b.len - 1]))
			b.len--;
		k->token = arena_strndup(k->arena, b.data, b.len);
	}
	return k->exec.n ? run_exec(k, e) : 0;
}

void kubeconfig_free(struct kubeconfig *k)
{
	arena_free(k->arena);
	*k = (struct kubeconfig){0};
}
