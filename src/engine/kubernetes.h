#pragma once
#include "base/buf.h"

#include <jansson.h>
#include <stddef.h>
/* The objects of Kubernetes that an engine makes, and what it reads of pods. Pure, nothing is sent here.
 *
 *   a Secret       the script that every worker runs, with the key in it
 *   ConfigMaps     the worker's file, packed, in parts that fit into one each
 *   Jobs           one a worker: a Job of several never starts another once one has ended well */
struct engine_spec;
struct err;

enum {
	KUBERNETES_PART =
	    700000, /* bytes of the file in a ConfigMap, which may have 1 MiB as base64 */
	KUBERNETES_PARTS = 32,
	KUBERNETES_PODS_TTL_S = 30
};

struct kubernetes_settings {
	const char *name;  /* of all objects, with a suffix */
	const char *build; /* label */
	const char *image;
	const char *worker;   /* its path in the image; NULL: it is brought along */
	const char *memory;   /* of a worker, as Kubernetes writes it; NULL: by the slots */
	const char *selector; /* "KEY=VALUE" of nodes; or NULL */
	const char *priority; /* priorityClassName, or NULL */
	const char *pull_secret; /* imagePullSecrets, or NULL */
	unsigned cpu;            /* of a worker: its slots */
	unsigned deadline_s;     /* activeDeadlineSeconds; 0: none */
	size_t nparts;
};

json_t *kubernetes_secret(const struct kubernetes_settings *, const char *script);
json_t *kubernetes_part(const struct kubernetes_settings *, size_t i, const char *p,
			size_t n);
/* Worker NUMBER. */
json_t *kubernetes_job(const struct kubernetes_settings *, unsigned number);
/* A patch that makes the N Jobs NAMES with UIDS the owners of an object: it goes when the last of them has gone. */
json_t *kubernetes_owners(char *const *names, char *const *uids, size_t n);

enum kubernetes_state {
	KUBERNETES_PENDING,
	KUBERNETES_RUNNING,
	KUBERNETES_ENDING,
	KUBERNETES_GONE
};

/* Why a Job's pod is not created, as the message of its event FailedCreate has it: a part of a sentence. */
void kubernetes_uncreated(const char *message, char *why, size_t size);

/* The state of POD; WHY: a part of a sentence, or "". *HOPELESS: it will never run (its image is not to be had). */
enum kubernetes_state kubernetes_pod(const json_t *pod, char *why, size_t size,
				     int *hopeless);
