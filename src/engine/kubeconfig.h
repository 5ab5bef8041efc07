#pragma once
#include "base/arena.h"
#include "engine/http.h"

#include <stdbool.h>
/* Which API server, and as whom: from the files of $KUBECONFIG, ~/.kube/config, or the account that a pod has. */
struct err;

struct kubeconfig {
	struct arena *arena;
	char *server;     /* "https://HOST:PORT/PREFIX" */
	char *namespace_; /* of the context, or NULL */
	struct http_trust trust;
	char *token;      /* now, or NULL */
	char *token_file; /* to be read anew now and then, or NULL */
	struct strv exec; /* the command that gives credentials; no words: none */
	struct strv exec_env;
	char *exec_version;  /* its apiVersion */
	char *exec_hint;     /* how to get it, in its words, or NULL */
	char *exec_cluster;  /* what it is to be told of the cluster, JSON, or NULL */
	struct strv headers; /* of each call: whom to act as */
};

enum {
	KUBECONFIG_MAX = 4 << 20,
	KUBECONFIG_EXEC_MS = 30000,
	KUBECONFIG_HEADERS = 8
};

/* CONTEXT: NULL for the current one. 0 or -1; to be freed in either case. */
int kubeconfig_read(struct kubeconfig *, const char *context, struct err *);
/* Fills in what a command or a file gives: at first, and when the server says 401. Waits for the command. */
int kubeconfig_refresh(struct kubeconfig *, struct err *);
void kubeconfig_free(struct kubeconfig *);
