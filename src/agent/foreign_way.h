#pragma once
#include "base/arena.h"

#include <stdbool.h>
/* By which protocol a compile goes to a distccd. */
struct agent;
struct host;
struct local_request;
struct plan;

enum foreign_way {
	FOREIGN_PLAIN = 1,  /* preprocessed text */
	FOREIGN_PACKED = 2, /* the same, packed by LZO */
	FOREIGN_SOURCES = 3 /* the sources themselves, packed */
};

/* What the host's options ask for (,lzo ,lzo,cpp), but sources only where the object is sure to be the same. */
enum foreign_way foreign_way(const struct plan *, const struct host *);
/* Why protocol 3 would not give the same object, or NULL. Pure; what the files themselves forbid is not
 * seen here (foreign_sources.h). */
const char *foreign_way_forbids(const struct plan *);
