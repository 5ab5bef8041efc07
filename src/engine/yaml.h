#pragma once
#include <jansson.h>
#include <stddef.h>
/* What of YAML stands in a kubeconfig, as JSON: mappings and lists by indentation, plain and quoted words, block texts ('|', '>'),
 * comments; or a whole document in JSON. Each word is a string, but for true, false and null. No anchors, tags, or words on several
 * lines. Pure. */
struct err;

enum {
	YAML_DEPTH = 32
};

/* To be given to json_decref. NULL with ERR: it is something else, with the line's number. */
json_t *yaml_read(const char *text, size_t n, struct err *);
