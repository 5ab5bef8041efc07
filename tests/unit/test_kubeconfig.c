#include "base/err.h"
#include "engine/kubeconfig.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

static void put(const char *name, const char *text, mode_t mode)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "w");
	CHECK(f != NULL);
	fputs(text, f);
	fclose(f);
	CHECK(chmod(path, mode) == 0);
}

/* A kubeconfig with these lines in its cluster and its user: 0 or -1, as kubeconfig_read and, with REFRESH, kubeconfig_refresh. */
static int read_with(const char *cluster, const char *user, struct kubeconfig *k,
		     struct err *e)
{
	char text[4096], path[128];

	snprintf(text, sizeof text,
		 "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
		 "contexts:\n- name: c\n  context:\n    cluster: k\n    user: u\n"
		 "clusters:\n- name: k\n  cluster:\n    server: https://h:6443/\n%s"
		 "users:\n- name: u\n  user:\n    token: t\n%s",
		 cluster, user);
	put("config", text, 0600);
	snprintf(path, sizeof path, "%s/config", folder);
	setenv("KUBECONFIG", path, 1);
	*e = (struct err){0};
	return kubeconfig_read(k, NULL, e) || kubeconfig_refresh(k, e) ? -1 : 0;
}

static int refused(const char *cluster, const char *user, const char *word)
{
	struct kubeconfig k;
	struct err e;
	int failed = read_with(cluster, user, &k, &e);

	kubeconfig_free(&k);
	if (failed && !strstr(e.text, word))
		printf("# %s\n", e.text);
	return failed && strstr(e.text, word);
}

static int same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static void a_cluster(void)
{
	struct kubeconfig k;
	struct err e;

	CHECK(read_with("    tls-server-name: inside\n    proxy-url: http://p:3128\n"
			"    insecure-skip-tls-verify: true\n"
			"    certificate-authority-data: Q0E=\n",
			"    as: somebody\n    as-groups:\n    - one\n    - two\n", &k,
			&e) == 0);
	CHECK(same(k.server, "https://h:6443") && same(k.trust.server_name, "inside"));
	CHECK(same(k.trust.proxy, "http://p:3128") && k.trust.insecure);
	CHECK(same(k.trust.ca, "CA") && same(k.token, "t"));
	CHECK(k.headers.n == 3 && same(k.headers.v[0], "Impersonate-User: somebody"));
	CHECK(same(k.headers.v[2], "Impersonate-Group: two"));
	kubeconfig_free(&k);
	CHECK(refused("    proxy-url: ftp://p\n", "", "proxy-url is 'ftp://p'"));
	CHECK(refused("    certificate-authority: nowhere.pem\n", "", "nowhere.pem"));
}

static void a_user(void)
{
	CHECK(refused("", "    auth-provider:\n      name: gcp\n", "auth-provider 'gcp'"));
	CHECK(refused("", "    as: a\n    as-uid: \"7\"\n", "as-uid"));
	CHECK(refused("", "    exec:\n      command: sh\n      interactiveMode: Always\n",
		      "interactiveMode: Always"));
	CHECK(refused(
	    "", "    exec:\n      command: no-such-helper\n      installHint: ask them\n",
	    "no-such-helper, which the kubeconfig names for credentials, is not "
	    "on PATH: ask them"));
	CHECK(
	    refused("",
		    "    exec:\n      command: sh\n      args: [-c, \"echo no such account "
		    ">&2; exit 1\"]\n",
		    "gave no credentials: no such account"));
}

/* The command is told what it asked for, gets its variables, and what it says is taken. */
static void a_command(void)
{
	struct kubeconfig k;
	struct err e;

	put("helper",
	    "#!/bin/sh\n"
	    "[ \"$WHO\" = me ] || exit 1\n"
	    "case $KUBERNETES_EXEC_INFO in\n"
	    "*'\"server\":\"https://h:6443\"'*'\"config\":{\"a\":\"b\"}'*"
	    "'\"interactive\":false'*) ;; *) echo \"$KUBERNETES_EXEC_INFO\" >&2; exit 1 ;;\n"
	    "esac\n"
	    "echo '{\"status\":{\"token\":\"fresh\"}}'\n",
	    0700);
	int failed = read_with(
	    "    extensions:\n    - name: client.authentication.k8s.io/exec\n"
	    "      extension:\n        a: b\n",
	    "    exec:\n      apiVersion: client.authentication.k8s.io/v1\n"
	    "      command: ./helper\n      interactiveMode: IfAvailable\n"
	    "      provideClusterInfo: true\n      env:\n      - name: WHO\n        value: me\n",
	    &k, &e);

	if (failed)
		printf("# %s\n", e.text);
	CHECK(failed == 0);
	CHECK(same(k.token, "fresh"));
	kubeconfig_free(&k);
}

static void in_folder(void (*test)(void))
{
	char path[300];

	strcpy(folder, "kubeconfig.XXXXXX");
	CHECK(mkdtemp(folder) != NULL);
	char *full = realpath(folder, NULL);

	snprintf(folder, sizeof folder, "%.250s", full);
	free(full);
	test();
	snprintf(path, sizeof path, "%s/config", folder);
	unlink(path);
	snprintf(path, sizeof path, "%s/helper", folder);
	unlink(path);
	rmdir(folder);
}

static void cluster(void)
{
	in_folder(a_cluster);
}

static void user(void)
{
	in_folder(a_user);
}

static void command(void)
{
	in_folder(a_command);
}

TESTS({"cluster", cluster}, {"user", user}, {"command", command})
