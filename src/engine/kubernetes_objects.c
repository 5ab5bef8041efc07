/* Requests equal limits, so that a pod is never throttled by its neighbours, nor in their way (QoS class Guaranteed). Pods are those of
 * a namespace with the "restricted" policy: no root, no rights, seccomp's default profile, a root that is not written to; the
 * worker then has no sandbox of its own unless the nodes allow user namespaces in pods, and says so. */
#include "base/mem.h"
#include "engine/base64.h"
#include "engine/kubernetes.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	USER = 65532,
	MB_PER_SLOT = 1024,
	LOST_NODE_S = 10,
	GRACE_S = 5
};

static json_t *labels(const struct kubernetes_settings *s)
{
	return json_pack("{s:s, s:s}", "app.kubernetes.io/name", "muster-worker",
			 "muster/build", s->build);
}

static json_t *object(const struct kubernetes_settings *s, const char *version,
		      const char *kind, const char *suffix)
{
	AUTO_FREE char *name = xasprintf("%s%s", s->name, suffix);

	return json_pack("{s:s, s:s, s:{s:s, s:o}}", "apiVersion", version, "kind", kind,
			 "metadata", "name", name, "labels", labels(s));
}

json_t *kubernetes_secret(const struct kubernetes_settings *s, const char *script)
{
	json_t *o = object(s, "v1", "Secret", "");

	json_object_set_new(o, "type", json_string("Opaque"));
	json_object_set_new(o, "stringData", json_pack("{s:s}", "script", script));
	return o;
}

json_t *kubernetes_part(const struct kubernetes_settings *s, size_t i, const char *p,
			size_t n)
{
	char suffix[16];
	AUTO_BUF struct buf text = {0};

	base64_put(&text, p, n, 0);
	buf_u8(&text, 0);

	snprintf(suffix, sizeof suffix, "-part%02zu", i);
	json_t *o = object(s, "v1", "ConfigMap", suffix);

	json_object_set_new(o, "binaryData", json_pack("{s:s}", "part", text.data));
	return o;
}

/* -- the pod --------------------------------------------------------------------------------- */

static json_t *volumes(const struct kubernetes_settings *s)
{
	json_t *v = json_array();

	json_array_append_new(v,
			      json_pack("{s:s, s:{s:s, s:i}}", "name", "script", "secret",
					"secretName", s->name, "defaultMode", 0440));
	json_array_append_new(v, json_pack("{s:s, s:{}}", "name", "tmp", "emptyDir"));
	if (s->worker)
		return v;
	json_t *sources = json_array();

	for (size_t i = 0; i < s->nparts; i++) {
		AUTO_FREE char *name = xasprintf("%s-part%02zu", s->name, i);
		AUTO_FREE char *path = xasprintf("part%02zu", i);

		json_array_append_new(sources, json_pack("{s:{s:s, s:[{s:s, s:s}]}}",
							 "configMap", "name", name, "items",
							 "key", "part", "path", path));
	}
	json_array_append_new(v, json_pack("{s:s, s:{s:o}}", "name", "worker", "projected",
					   "sources", sources));
	return v;
}

static json_t *resources(const struct kubernetes_settings *s)
{
	AUTO_FREE char *cpu = xasprintf("%u", s->cpu);
	AUTO_FREE char *memory =
	    s->memory ? xstrdup(s->memory) : xasprintf("%uMi", s->cpu * MB_PER_SLOT + 256);

	return json_pack("{s:{s:s, s:s}, s:{s:s, s:s}}", "requests", "cpu", cpu, "memory",
			 memory, "limits", "cpu", cpu, "memory", memory);
}

static json_t *container(const struct kubernetes_settings *s)
{
	AUTO_FREE char *slots = xasprintf("%u", s->cpu);
	json_t *mounts =
	    json_pack("[{s:s, s:s, s:b}, {s:s, s:s}]", "name", "script", "mountPath",
		      "/muster/script", "readOnly", 1, "name", "tmp", "mountPath", "/tmp");

	if (!s->worker)
		json_array_append_new(mounts, json_pack("{s:s, s:s, s:b}", "name", "worker",
							"mountPath", "/muster/worker",
							"readOnly", 1));
	return json_pack(
	    "{s:s, s:s, s:s, s:[s, s], s:[{s:s, s:{s:{s:s}}}, {s:s, s:s}], s:o, s:o, "
	    "s:{s:b, s:b, s:{s:[s]}}}",
	    "name", "worker", "image", s->image, "imagePullPolicy", "IfNotPresent",
	    "command", "/bin/sh", "/muster/script/script", "env", "name", "MUSTER_JOB",
	    "valueFrom", "fieldRef", "fieldPath", "metadata.labels['job-name']", "name",
	    "MUSTER_SLOTS", "value", slots, "resources", resources(s), "volumeMounts",
	    mounts, "securityContext", "allowPrivilegeEscalation", 0,
	    "readOnlyRootFilesystem", 1, "capabilities", "drop", "ALL");
}

static json_t *toleration(const char *key)
{
	return json_pack("{s:s, s:s, s:s, s:i}", "key", key, "operator", "Exists", "effect",
			 "NoExecute", "tolerationSeconds", LOST_NODE_S);
}

static json_t *pod_spec(const struct kubernetes_settings *s)
{
	json_t *spec = json_pack(
	    "{s:s, s:i, s:b, s:b, s:{s:b, s:i, s:i, s:{s:s}}, s:[o, o], s:[o], s:o}",
	    "restartPolicy", "Never", "terminationGracePeriodSeconds", GRACE_S,
	    "automountServiceAccountToken", 0, "enableServiceLinks", 0, "securityContext",
	    "runAsNonRoot", 1, "runAsUser", USER, "fsGroup", USER, "seccompProfile", "type",
	    "RuntimeDefault", "tolerations", toleration("node.kubernetes.io/not-ready"),
	    toleration("node.kubernetes.io/unreachable"), "containers", container(s),
	    "volumes", volumes(s));
	const char *equals = s->selector ? strchr(s->selector, '=') : NULL;

	if (equals) {
		AUTO_FREE char *key = xstrndup(s->selector, (size_t)(equals - s->selector));

		json_object_set_new(spec, "nodeSelector",
				    json_pack("{s:s}", key, equals + 1));
	}
	if (s->priority)
		json_object_set_new(spec, "priorityClassName", json_string(s->priority));
	if (s->pull_secret)
		json_object_set_new(spec, "imagePullSecrets",
				    json_pack("[{s:s}]", "name", s->pull_secret));
	return spec;
}

json_t *kubernetes_job(const struct kubernetes_settings *s, unsigned number)
{
	char suffix[16];

	snprintf(suffix, sizeof suffix, "-%u", number);
	json_t *o = object(s, "batch/v1", "Job", suffix);
	json_t *spec = json_pack(
	    "{s:i, s:i, s:i, s:i, s:{s:{s:o}, s:o}}", "parallelism", 1, "completions", 1,
	    "backoffLimit", 0, "ttlSecondsAfterFinished", KUBERNETES_PODS_TTL_S, "template",
	    "metadata", "labels", labels(s), "spec", pod_spec(s));

	if (s->deadline_s)
		json_object_set_new(spec, "activeDeadlineSeconds",
				    json_integer(s->deadline_s));
	json_object_set_new(o, "spec", spec);
	return o;
}

json_t *kubernetes_owners(char *const *names, char *const *uids, size_t n)
{
	json_t *owners = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
		    owners, json_pack("{s:s, s:s, s:s, s:s}", "apiVersion", "batch/v1",
				      "kind", "Job", "name", names[i], "uid", uids[i]));
	return json_pack("{s:{s:o}}", "metadata", "ownerReferences", owners);
}

/* -- what a pod tells ------------------------------------------------------------------------ */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* Why the one container waits or has ended. */
static const json_t *container_state(const json_t *status, const char *which)
{
	const json_t *all = json_object_get(status, "containerStatuses");

	return json_object_get(json_object_get(json_array_get(all, 0), "state"), which);
}

static void say(char *why, size_t size, const char *reason, const char *message)
{
	snprintf(why, size, "%s%s%s", reason, *reason && *message ? ": " : "", message);
	why[strcspn(why, "\n")] = 0;
}

void kubernetes_uncreated(const char *message, char *why, size_t size)
{
	static const char start[] = "Error creating: ";
	const char *quota = strstr(message, "exceeded quota");

	if (strncmp(message, start, strlen(start)) == 0)
		message += strlen(start);
	say(why, size,
	    quota ? "the namespace's quota is reached" : "Kubernetes creates no pod",
	    quota ? quota : message);
}

static void why_pending(const json_t *status, char *why, size_t size, int *hopeless)
{
	static const char *const never[] = {
	    "ErrImagePull",      "ImagePullBackOff",           "InvalidImageName",
	    "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError"};
	const json_t *conditions = json_object_get(status, "conditions");
	const json_t *waiting = container_state(status, "waiting");
	const char *reason = text_of(waiting, "reason");

	for (size_t i = 0; i < json_array_size(conditions); i++) {
		const json_t *c = json_array_get(conditions, i);

		if (strcmp(text_of(c, "type"), "PodScheduled") == 0 &&
		    strcmp(text_of(c, "status"), "False") == 0)
			say(why, size, "the cluster is full", text_of(c, "message"));
	}
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		if (strcmp(reason, never[i]) == 0) {
			*hopeless = 1;
			say(why, size, reason, text_of(waiting, "message"));
		}
}

enum kubernetes_state kubernetes_pod(const json_t *pod, char *why, size_t size,
				     int *hopeless)
{
	const json_t *status = json_object_get(pod, "status");
	const char *phase = text_of(status, "phase");
	const json_t *ended = container_state(status, "terminated");

	*why = 0;
	*hopeless = 0;
	if (strcmp(phase, "Failed") == 0 || strcmp(phase, "Succeeded") == 0) {
		if (*text_of(status, "reason"))
			say(why, size, text_of(status, "reason"),
			    text_of(status, "message"));
		else if (*phase == 'F')
			say(why, size, text_of(ended, "reason"), text_of(ended, "message"));
		return KUBERNETES_GONE;
	}
	if (json_object_get(json_object_get(pod, "metadata"), "deletionTimestamp"))
		return KUBERNETES_ENDING;
	if (container_state(status, "running"))
		return KUBERNETES_RUNNING;
	why_pending(status, why, size, hopeless);
	return KUBERNETES_PENDING;
}
